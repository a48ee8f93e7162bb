/*
 * connrate HOST PORT SECONDS [PARALLEL]: connect, send one byte, read it back, close; over and over,
 * PARALLEL of them at a time. Closes with RST (SO_LINGER 0) so that source ports do not run out.
 * Prints JSON: connections per second, microseconds from connect to echo, our CPU seconds.
 */
#include "common.h"
#include <fcntl.h>
#include <sys/epoll.h>

enum { MOST = 1 << 22, WIDEST = 1024 };
static struct { int s, sent; double begun; } one_of[WIDEST];
static struct place a;
static int poll_fd;

static void begin(int i) {
  int s = one_of[i].s = socket(a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (s < 0) die("socket");
  hard(s);
  one_of[i].sent = 0, one_of[i].begun = now();
  if (reach(s, &a) && errno != EINPROGRESS) die("connect");
  struct epoll_event e = {.events = EPOLLOUT, .data.u32 = i};
  epoll_ctl(poll_fd, EPOLL_CTL_ADD, s, &e);
}

int main(int argc, char **argv) {
  if (argc < 4) return fprintf(stderr, "usage: %s HOST PORT SECONDS [PARALLEL]\n", argv[0]), 2;
  int parallel = argc > 4 ? atoi(argv[4]) : 1;
  if (parallel < 1 || parallel > WIDEST) return fprintf(stderr, "1 to %d at a time\n", WIDEST), 2;
  a = address(argv[1], argv[2]);
  many_files();
  poll_fd = epoll_create1(0);
  float *took = malloc(sizeof *took * MOST);
  for (int i = 0; i < parallel; i++) begin(i);
  double seconds = atof(argv[3]), start = now() + seconds * 0.1, t, used = 0;
  long count = 0;
  int warm = 0;
  struct epoll_event ready[256];
  while ((t = now()) < start + seconds && count < MOST) {
    if (!warm && t >= start) warm = 1, used = cpu(), start = t;
    int n = epoll_wait(poll_fd, ready, 256, 3000);
    if (n <= 0) { errno = ETIMEDOUT; die("no answer"); }
    for (int k = 0; k < n; k++) {
      int i = ready[k].data.u32, s = one_of[i].s;
      char byte = 'x';
      if (!one_of[i].sent) {
        if (send(s, &byte, 1, MSG_NOSIGNAL) != 1) die("connect");
        struct epoll_event e = {.events = EPOLLIN, .data.u32 = i};
        epoll_ctl(poll_fd, EPOLL_CTL_MOD, s, &e);
        one_of[i].sent = 1;
        continue;
      }
      if (recv(s, &byte, 1, 0) != 1) die("echo");
      close(s);
      if (warm && count < MOST) took[count++] = (now() - one_of[i].begun) * 1e6;
      begin(i);
    }
  }
  if (count == 0) return fprintf(stderr, "too short\n"), 1;
  used = cpu() - used;
  printf("{\"rate\":%.1f,\"cpu\":%.4f,", count / (t - start), used);
  print_times(took, count);
  printf("}\n");
}
