/* What the clients share: a clock, an address, an end with a reason, percentiles, our own CPU time. */
#ifndef COMMON_H
#define COMMON_H
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static inline double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

/* Seconds of CPU that this process has used, its time in the kernel included. */
static inline double cpu(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6;
}

static inline void die(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

/* An address and a port, of either family. */
struct place {
  socklen_t size;
  union { struct sockaddr any; struct sockaddr_in v4; struct sockaddr_in6 v6; };
};

static inline struct place address(const char *host, const char *port) {
  struct place a = {.size = sizeof a.v4, .v4 = {.sin_family = AF_INET, .sin_port = htons(atoi(port))}};
  if (inet_pton(AF_INET, host, &a.v4.sin_addr) == 1) return a;
  a = (struct place){.size = sizeof a.v6, .v6 = {.sin6_family = AF_INET6, .sin6_port = htons(atoi(port))}};
  if (inet_pton(AF_INET6, host, &a.v6.sin6_addr) == 1) return a;
  fprintf(stderr, "%s: not an address\n", host);
  exit(2);
}

static inline int reach(int s, const struct place *a) { return connect(s, &a->any, a->size); }

/* As many descriptors as the system lets us have. */
static inline void many_files(void) {
  struct rlimit r;
  getrlimit(RLIMIT_NOFILE, &r);
  struct rlimit most = {1048576, 1048576};
  if (setrlimit(RLIMIT_NOFILE, &most)) r.rlim_cur = r.rlim_max, setrlimit(RLIMIT_NOFILE, &r);
}

/* The kernel's side is always cubic: the default may be bbr, which paces by timers. */
static inline void cubic(int s) {
  if (setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5)) die("cubic");
}

/* What is still unsent at the end must not run into the next measurement. */
static inline void hard(int s) {
  struct linger l = {1, 0};
  setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof l);
}

static inline void patience(int s, double seconds) {
  struct timeval t = {(long)seconds, (long)((seconds - (long)seconds) * 1e6)};
  setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
  setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
}

static int by_size(const void *a, const void *b) {
  float d = *(const float *)a - *(const float *)b;
  return d < 0 ? -1 : d > 0;
}

/* Microseconds, sorted, printed as the members of a JSON object. */
static inline void print_times(float *took, long count) {
  double sum = 0;
  qsort(took, count, sizeof *took, by_size);
  for (long i = 0; i < count; i++) sum += took[i];
  printf("\"count\":%ld,\"min\":%.2f,\"mean\":%.2f,\"p50\":%.2f,\"p99\":%.2f,\"p999\":%.2f,\"max\":%.2f",
         count, took[0], sum / count, took[count / 2], took[(long)(count * 0.99)],
         took[(long)(count * 0.999)], took[count - 1]);
}
#endif
