/*
 * hold HOST PORT COUNT SOURCE: open COUNT connections and hold them, idle. SOURCE is the first of the local
 * addresses that they come from, 20 000 of them each; the route table must say that they are local.
 * Prints {"open":COUNT,"seconds":...}, then for each line `SECONDS SIZE` that it is told does ping-pong on the
 * connection in the middle and prints the microseconds as JSON. Ends, with resets, at the end of its input.
 */
#include "common.h"
#include <fcntl.h>
#include <sys/epoll.h>

enum { A_SOURCE = 20000, AT_A_TIME = 64, MOST = 1 << 22 };
static int *sockets;
static struct place a, source;
static int poll_fd;

static void begin(int i) {
  int s = sockets[i] = socket(a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
  struct place from = source;
  int is4 = from.any.sa_family == AF_INET;
  uint32_t *last = is4 ? &from.v4.sin_addr.s_addr : &from.v6.sin6_addr.s6_addr32[3];
  *last = htonl(ntohl(*last) + i / A_SOURCE);
  if (s < 0) die("socket");
  hard(s);
  setsockopt(s, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  if (bind(s, &from.any, from.size)) die("bind");
  if (reach(s, &a) && errno != EINPROGRESS) die("connect");
  struct epoll_event e = {.events = EPOLLOUT, .data.u32 = i};
  epoll_ctl(poll_fd, EPOLL_CTL_ADD, s, &e);
}

static void open_all(int count) {
  int begun = 0, open = 0;
  struct epoll_event ready[AT_A_TIME];
  while (open < count) {
    while (begun < count && begun - open < AT_A_TIME) begin(begun++);
    int n = epoll_wait(poll_fd, ready, AT_A_TIME, 10000);
    if (n <= 0) { errno = ETIMEDOUT; die("connect"); }
    for (int k = 0; k < n; k++) {
      int s = sockets[ready[k].data.u32], error = 0;
      socklen_t size = sizeof error;
      getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &size);
      if (error) { errno = error; die("connect"); }
      epoll_ctl(poll_fd, EPOLL_CTL_DEL, s, 0);
      open++;
    }
  }
}

static void ping_pong(int s, double seconds, int size) {
  char *buffer = calloc(1, size + 1);
  float *took = malloc(sizeof *took * MOST);
  long count = 0;
  int one = 1;
  setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  for (double start = now(), t = start; t < start + seconds && count < MOST;) {
    if (send(s, buffer, size, 0) != size) die("send");
    for (int got = 0, n; got < size; got += n)
      if ((n = recv(s, buffer, size - got, 0)) <= 0) die("no answer");
    double end = now();
    took[count++] = (end - t) * 1e6;
    t = end;
  }
  printf("{");
  print_times(took, count);
  printf("}\n");
  fflush(stdout);
  free(took), free(buffer);
}

int main(int argc, char **argv) {
  if (argc < 5) return fprintf(stderr, "usage: %s HOST PORT COUNT SOURCE\n", argv[0]), 2;
  int count = atoi(argv[3]);
  char line[256];
  a = address(argv[1], argv[2]);
  source = address(argv[4], "0");
  sockets = calloc(count, sizeof *sockets);
  many_files();
  poll_fd = epoll_create1(0);
  double start = now();
  open_all(count);
  printf("{\"open\":%d,\"seconds\":%.4f}\n", count, now() - start);
  fflush(stdout);
  int middle = sockets[count / 2];
  int flags = 0;
  if ((flags = fcntl(middle, F_GETFL)) >= 0) fcntl(middle, F_SETFL, flags & ~O_NONBLOCK);
  patience(middle, 5);
  while (fgets(line, sizeof line, stdin)) {
    double seconds = 1;
    int size = 64;
    sscanf(line, "%lf %d", &seconds, &size);
    ping_pong(middle, seconds, size);
  }
}
