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
static struct sockaddr_in a;
static in_addr_t source;
static int poll_fd;

static void begin(int i) {
  int s = sockets[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
  struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(ntohl(source) + i / A_SOURCE)};
  if (s < 0) die("socket");
  hard(s);
  setsockopt(s, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  if (bind(s, (void *)&from, sizeof from)) die("bind");
  if (connect(s, (void *)&a, sizeof a) && errno != EINPROGRESS) die("connect");
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
  source = inet_addr(argv[4]);
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
