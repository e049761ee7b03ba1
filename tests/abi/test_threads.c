/* SPDX-License-Identifier: MIT */
/*
 * The thread tags of the ABI: a [loop] function that is called on another thread
 * ends the server with a line that names it.
 */
#include "net/loop.h"
#include "plug/hostapi.h"
#include "support/check.h"

#include <semaphore.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* One worker, whose thread runs from `start` to `stop`. */
struct scene {
	struct wps_host host;
	struct loop_limits limits;
	struct worker *worker;
	struct mail mail;
	sem_t runs;
};

static void
set_up(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	hostapi_fill(&s->host);
	s->limits.mailbox_bytes = 1024;
	s->worker = worker_new(0, &s->worker, 1, &s->limits);
	sem_init(&s->runs, 0, 0);
}

static void
tear_down(struct scene *s)
{
	worker_free(&s->worker);
	sem_destroy(&s->runs);
}

static struct wps_worker *
handle(const struct scene *s)
{
	return (struct wps_worker *)s->worker;
}

static void *
run(void *data)
{
	worker_run(data);
	return NULL;
}

static void
on_runs(struct wps_worker *worker, void *data)
{
	struct scene *s = data;

	(void)worker;
	sem_post(&s->runs);
}

static void
start(struct scene *s)
{
	CU_ASSERT_FATAL(
	    pthread_create(&s->worker->thread, NULL, run, s->worker) == 0);
	s->host.post(handle(s), on_runs, s);
	sem_wait(&s->runs);
}

static void
break_loop(struct worker *worker, struct mail *mail)
{
	(void)mail;
	ev_break(worker->loop, EVBREAK_ALL);
}

static void
stop(struct scene *s)
{
	s->mail.run = break_loop;
	s->mail.call = true;
	worker_post(s->worker, &s->mail);
	pthread_join(s->worker->thread, NULL);
}

static void
on_timer(void *data)
{
	(void)data;
}

/* In a process of its own, which ends by it. */
static void
call_from_elsewhere(int log)
{
	struct scene s;

	dup2(log, STDERR_FILENO);
	set_up(&s);
	start(&s);
	s.host.timer_start(handle(&s), 1000, on_timer, NULL);
	_exit(EXIT_SUCCESS);
}

static void
test_loop_function_on_another_thread_aborts_by_its_name(void)
{
	FILE *log = tmpfile();
	char text[1024];
	int status;

	CU_ASSERT_PTR_NOT_NULL_FATAL(log);
	pid_t child = fork();
	if (child == 0)
		call_from_elsewhere(fileno(log));
	CU_ASSERT_FATAL(waitpid(child, &status, 0) == child);
#ifdef NDEBUG
	check_number("status", status, 0);
	(void)text;
#else
	CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	rewind(log);
	size_t len = fread(text, 1, sizeof(text) - 1, log);
	text[len] = '\0';
	const char *line = strstr(text, "error core: ");
	check_text("line", line ? line : text, "error core: a plugin called "
	    "timer_start on another thread than its worker's\n");
#endif
	fclose(log);
}

static void
use_timer(struct wps_worker *worker, void *data)
{
	struct scene *s = data;
	struct wps_timer *timer =
	    s->host.timer_start(worker, 1000, on_timer, NULL);

	s->host.timer_stop(timer);
	sem_post(&s->runs);
}

static void
test_loop_function_runs_on_the_thread_of_its_worker(void)
{
	struct scene s;

	set_up(&s);
	start(&s);
	s.host.post(handle(&s), use_timer, &s);
	sem_wait(&s.runs);
	stop(&s);
	tear_down(&s);
}

/* As worker_start and worker_stop do. */
static void
test_loop_function_may_run_anywhere_while_no_worker_runs(void)
{
	struct scene s;

	set_up(&s);
	s.host.timer_stop(s.host.timer_start(handle(&s), 1000, on_timer, NULL));
	start(&s);
	stop(&s);
	s.host.timer_stop(s.host.timer_start(handle(&s), 1000, on_timer, NULL));
	tear_down(&s);
}

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_loop_function_on_another_thread_aborts_by_its_name),
		TEST(test_loop_function_runs_on_the_thread_of_its_worker),
		TEST(test_loop_function_may_run_anywhere_while_no_worker_runs),
	};

	return RUN_TESTS("threads", tests);
}
