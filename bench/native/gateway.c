/*
 * Both ends of what is measured through a gateway, at as little cost as can be: what they take, it cannot have.
 *
 * gateway serve: sends (port 1), takes (2) and answers (3). Prints `up`.
 * gateway down|up HOST SECONDS: one stream, in MB/s of what has arrived at its end.
 * gateway request HOST COUNT: connect, ask, and read to the end, one after the other: microseconds, the median.
 */
#include "common.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>

enum { CHUNK = 1 << 20, ANSWER = 100, MOST = 1 << 20 };
static char buffer[CHUNK];
/* A stream that says nothing for so long has stopped for ever. */
static const double PATIENCE = 10;

/* Throw away what has come, uncopied; how much it was. */
static ssize_t take(int s) { return recv(s, 0, CHUNK, MSG_TRUNC); }

static void give(int s) {
  while (send(s, buffer, CHUNK, MSG_NOSIGNAL) > 0);
}

/* Say now and then how much has come: not at an end, since not every gateway carries half-closed connections. */
static void count(int s) {
  unsigned long long bytes = 0;
  double said = 0;
  for (ssize_t n; (n = take(s)) > 0;) {
    bytes += n;
    if (now() - said < 0.02) continue;
    said = now();
    if (send(s, &bytes, sizeof bytes, MSG_NOSIGNAL) < 0) return;
  }
}

static void answer(int s) {
  if (recv(s, buffer, 3, MSG_WAITALL) == 3) send(s, buffer, ANSWER, MSG_NOSIGNAL);
}

static void serve(const char *port, void (*use)(int), int apart) {
  struct place a = address("::", port); /* of both families */
  int one = 1, door = socket(AF_INET6, SOCK_STREAM, 0);
  setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(door, &a.any, a.size) || listen(door, 512)) die("listen");
  if (fork()) {
    close(door);
    return;
  }
  prctl(PR_SET_PDEATHSIG, SIGTERM); /* a namespace lives as long as whoever is in it */
  for (;;) {
    int s = accept(door, 0, 0);
    if (s < 0) continue;
    if (!apart) use(s);
    else if (!fork()) {
      prctl(PR_SET_PDEATHSIG, SIGTERM);
      use(s);
      _exit(0);
    }
    close(s);
  }
}

static int dial(const char *host, const char *port) {
  struct place a = address(host, port);
  int s = socket(a.any.sa_family, SOCK_STREAM, 0), one = 1;
  patience(s, PATIENCE);
  setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (reach(s, &a)) die("connect");
  return s;
}

static void down(const char *host, double seconds) {
  int s = dial(host, "1");
  unsigned long long bytes = 0;
  if (take(s) <= 0) die("nothing came");
  double began = now();
  while (now() - began < seconds) {
    ssize_t n = take(s);
    if (n <= 0) die("the stream has stopped");
    bytes += n;
  }
  printf("%f\n", bytes / (now() - began) / 1e6);
  hard(s);
}

/* What the server says that it has got. */
static void up(const char *host, double seconds) {
  int s = dial(host, "2");
  fcntl(s, F_SETFL, O_NONBLOCK);
  unsigned long long said[512] = {0}, bytes = 0;
  double began = now();
  struct pollfd ready = {.fd = s, .events = POLLIN | POLLOUT};
  while (now() - began < seconds) {
    if (poll(&ready, 1, PATIENCE * 1000) < 1) errno = ETIMEDOUT, die("the stream has stopped");
    if (ready.revents & POLLOUT && send(s, buffer, CHUNK, MSG_NOSIGNAL) < 0 && errno != EAGAIN) die("send");
    if (!(ready.revents & POLLIN)) continue;
    ssize_t n = recv(s, said, sizeof said, 0);
    if (n > 0 && n % sizeof bytes == 0) bytes = said[n / sizeof bytes - 1];
    else if (n == 0) die("the server has ended");
  }
  printf("%f\n", bytes / (now() - began) / 1e6);
  hard(s);
}

static void request(const char *host, long times) {
  float *took = malloc(sizeof *took * MOST);
  for (long i = 0; i < times; i++) {
    double began = now();
    int s = dial(host, "3"), got = 0;
    if (send(s, "GET", 3, 0) != 3) die("send");
    for (ssize_t n; (n = recv(s, buffer, CHUNK, 0)); got += n)
      if (n < 0) die("no answer");
    if (got != ANSWER) fprintf(stderr, "an answer of %d bytes\n", got), exit(1);
    close(s);
    took[i] = (now() - began) * 1e6;
  }
  qsort(took, times, sizeof *took, by_size);
  printf("%f\n", took[times / 2]);
}

int main(int argc, char **argv) {
  if (argc == 2 && !strcmp(argv[1], "serve")) {
    signal(SIGCHLD, SIG_IGN);
    serve("1", give, 1), serve("2", count, 1), serve("3", answer, 0);
    puts("up"), fflush(stdout);
    pause();
    return 0;
  }
  if (argc != 4) return fprintf(stderr, "usage: %s serve | down|up HOST SECONDS | request HOST COUNT\n", argv[0]), 2;
  if (!strcmp(argv[1], "down")) down(argv[2], atof(argv[3]));
  else if (!strcmp(argv[1], "up")) up(argv[2], atof(argv[3]));
  else if (atol(argv[3]) < 1 || atol(argv[3]) > MOST) return fprintf(stderr, "1 to %d requests\n", MOST), 2;
  else request(argv[2], atol(argv[3]));
  return 0;
}
