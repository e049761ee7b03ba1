/* SPDX-License-Identifier: MIT */
#include "plug/loader.h"

#include "hub/server.h"
#include "plug/registry.h"
#include "util/attr.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYMBOL "wps_plugin_v1"
/* What every plugin describes of itself. */
#define SIZE_1_0                                                               \
	(offsetof(struct wps_plugin, probe) +                                  \
	 sizeof(((struct wps_plugin *)0)->probe))
#define OTHER_MAJORS 9 /* that are looked for, to say what was found instead */

/* Leak checkers name what is still mapped; elsewhere the library is closed. */
#if defined(__SANITIZE_ADDRESS__)
#define KEEP_MAPPED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEEP_MAPPED 1
#endif
#endif
#ifndef KEEP_MAPPED
#define KEEP_MAPPED 0
#endif

static int ATTR_PRINTF(2, 3)
fail(struct wps_err *err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return WPS_EINVAL;
}

static bool
name_valid(struct wps_span name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		    c == '_' || c == '-'))
			return false;
	}
	return name.len > 0 && name.len <= 64;
}

static int
no_symbol(void *library, const char *file, struct wps_err *err)
{
	for (unsigned major = 1; major <= OTHER_MAJORS; major++) {
		char symbol[32];
		snprintf(symbol, sizeof(symbol), "wps_plugin_v%u", major);
		if (major != WPS_ABI_MAJOR && dlsym(library, symbol))
			return fail(err, "%s: is made for ABI %u, this wps has "
			    "%u.%u: rebuild the plugin", file, major,
			    WPS_ABI_MAJOR, WPS_ABI_MINOR);
	}
	return fail(err, "%s: exports no " SYMBOL ": it is no plugin of wps",
	    file);
}

static bool
loaded(const struct points *points, struct wps_span name)
{
	for (unsigned i = 0; i < points->plugin_count; i++)
		if (wps_span_eq(name,
		    wps_span_str(points->plugins[i].plugin->name)))
			return true;
	return false;
}

static int
check_depends(const struct points *points, const struct wps_plugin *plugin,
    const char *file, struct wps_err *err)
{
	for (const char *const *name = plugin->depends; name && *name; name++)
		if (!loaded(points, wps_span_str(*name)))
			return fail(err, "%s: needs the plugin \"%s\" before "
			    "it: add it to \"plugins\"", file, *name);
	return WPS_OK;
}

/* Nothing of the struct is read before its version is known to fit. */
static int
check_plugin(const struct points *points, const struct wps_plugin *plugin,
    struct wps_span name, const char *file, struct wps_err *err)
{
	if (plugin->abi_minor > WPS_ABI_MINOR)
		return fail(err, "%s: needs ABI %u.%u, this wps has %u.%u: "
		    "upgrade wps or rebuild the plugin", file, WPS_ABI_MAJOR,
		    plugin->abi_minor, WPS_ABI_MAJOR, WPS_ABI_MINOR);
	if (plugin->struct_size < SIZE_1_0)
		return fail(err, "%s: its description has %u bytes, ABI 1.0 "
		    "has %zu: rebuild the plugin", file, plugin->struct_size,
		    SIZE_1_0);
	if (plugin->name == NULL || plugin->version == NULL)
		return fail(err, "%s: says no name or version of itself", file);
	if (!wps_span_eq(name, wps_span_str(plugin->name)))
		return fail(err, "%s: calls itself \"%s\": the file must be "
		    "named like the plugin", file, plugin->name);
	if (plugin->init == NULL)
		return fail(err, "%s: has no init", file);
	if (plugin->option_size != sizeof(struct wps_option))
		return fail(err, "%s: its option rows have %u bytes, this wps "
		    "has %zu: rebuild the plugin", file, plugin->option_size,
		    sizeof(struct wps_option));
	return check_depends(points, plugin, file, err);
}

static int
add(struct server *server, void *library, struct wps_span name,
    const char *file, struct wps_err *err)
{
	struct points *points = &server->points;
	const struct wps_plugin *plugin = dlsym(library, SYMBOL);

	if (plugin == NULL)
		return no_symbol(library, file, err);
	int rc = check_plugin(points, plugin, name, file, err);
	if (rc != WPS_OK)
		return rc;
	struct wps_self *self = &points->plugins[points->plugin_count];
	*self = (struct wps_self){
		.plugin = &self->description,
		.server = server,
		.library = library,
		.index = points->plugin_count++,
	};
	memcpy(&self->description, plugin,
	    plugin->struct_size < sizeof(self->description) ?
	    plugin->struct_size : sizeof(self->description));
	return WPS_OK;
}

/*
 * What the dynamic linker says of a file that is no file, or not ours to read,
 * leads astray. Of the rest (no shared object, a symbol or a library is missing)
 * it knows best.
 */
static int
check_file(const char *file, struct wps_err *err)
{
	struct stat st;

	if (stat(file, &st) < 0)
		return fail(err, "%s: %s: install the plugin, or set "
		    "\"plugin_dir\"", file, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(err, "%s: is no file: a shared object is expected "
		    "there", file);
	if (access(file, R_OK) < 0)
		return fail(err, "%s: %s: let the user of the server read it",
		    file, strerror(errno));
	return WPS_OK;
}

static int
open_library(const char *file, void **library_out, struct wps_err *err)
{
	size_t len = strlen(file);

	if (check_file(file, err) != WPS_OK)
		return WPS_EINVAL;
	*library_out = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (*library_out)
		return WPS_OK;
	/* It names the file first in most of its lines. */
	const char *why = dlerror();
	if (strncmp(why, file, len) == 0 && strncmp(why + len, ": ", 2) == 0)
		why += len + 2;
	return fail(err, "%s: cannot be loaded: %s: install what it needs, or "
	    "rebuild the plugin", file, why);
}

static void
close_library(void *library)
{
	if (!KEEP_MAPPED)
		dlclose(library);
}

int
loader_open(struct server *server, const char *dir, struct wps_span name,
    struct wps_err *err)
{
	char file[4096];

	if (!name_valid(name))
		return fail(err, "\"%.*s\" is no name of a plugin",
		    (int)(name.len > 64 ? 64 : name.len), name.data);
	if (loaded(&server->points, name))
		return fail(err, "stands twice in \"plugins\": remove one");
	if (server->points.plugin_count == PLUGINS_MAX)
		return fail(err, "there are more than %d plugins", PLUGINS_MAX);
	if (snprintf(file, sizeof(file), "%s/%.*s.so", dir, (int)name.len,
	    name.data) >= (int)sizeof(file))
		return fail(err, "\"plugin_dir\" is too long");
	void *library;
	if (open_library(file, &library, err) != WPS_OK)
		return WPS_EINVAL;
	int rc = add(server, library, name, file, err);
	if (rc != WPS_OK)
		close_library(library);
	return rc;
}

int
loader_init(struct server *server, struct wps_err *err)
{
	struct points *points = &server->points;

	for (unsigned i = 0; i < points->plugin_count; i++) {
		struct wps_self *self = &points->plugins[i];
		int rc = self->plugin->init(&server->host, self, &self->state);
		if (rc != WPS_OK)
			return fail(err, "%s.so: init failed (%d)",
			    self->plugin->name, rc);
		self->ready = true;
	}
	return WPS_OK;
}

int
loader_probe(struct server *server,
    void (*say)(void *data, const char *line), void *data)
{
	int rc = WPS_OK;

	for (unsigned i = 0; i < server->points.plugin_count; i++) {
		const struct wps_self *self = &server->points.plugins[i];
		if (self->plugin->probe &&
		    self->plugin->probe(self->state, say, data) != WPS_OK)
			rc = WPS_EINVAL;
	}
	return rc;
}

void
loader_fini(struct server *server)
{
	struct points *points = &server->points;

	for (unsigned i = points->plugin_count; i-- > 0;) {
		struct wps_self *self = &points->plugins[i];
		registry_withdraw(self);
		if (self->ready && self->plugin->fini)
			self->plugin->fini(self->state);
		self->ready = false;
	}
}

void
loader_close(struct server *server)
{
	struct points *points = &server->points;

	for (unsigned i = points->plugin_count; i-- > 0;)
		close_library(points->plugins[i].library);
	points->plugin_count = 0;
}
