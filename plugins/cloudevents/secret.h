/* SPDX-License-Identifier: MIT */
/*
 * Secrets inside of URLs: {env:NAME} and {file:PATH}.
 *
 * What an option holds as a whole is a secret of the configuration; a URL is not,
 * but may have one in its query, or in its path.
 */
#ifndef CLOUDEVENTS_SECRET_H
#define CLOUDEVENTS_SECRET_H

#include "text.h"

#define SECRET_MAX 4096 /* bytes of one */

/* Adds the value of a variable of the environment. WPS_OK, or WPS_EINVAL with
 * the reason in err. */
int secret_variable(struct wps_span name, struct text *out, struct wps_err *err);

/* The same of a file, which nobody but its owner may read; its path is absolute,
 * and one line end behind the secret is left out. */
int secret_file(struct wps_span path, struct text *out, struct wps_err *err);

#endif
