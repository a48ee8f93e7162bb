/*
 * blast HOST PORT SECONDS send|recv [STREAMS [CHUNK]]: TCP streams from the kernel's side, as fast as they go.
 *
 * The clock starts when all streams are open and have run for a while. What is sent counts when it was
 * acknowledged, so that what waits in send buffers is no speed. Prints JSON: Gbit/s of text, bytes in that
 * time, bytes and our CPU seconds from the beginning, Jain's index of fairness over the streams (1: all got
 * the same), and the bytes that the kernel sent twice.
 */
#include "common.h"
#include <sys/epoll.h>

/* Seconds, and seconds a stream: many of them take long to find their share. */
static const double WARM = 0.25, WARM_EACH = 0.001;

enum { MOST = 4096 };
static int socket_of[MOST];
static unsigned long long bytes_of[MOST], base_of[MOST];
static int streams, sending;
static size_t chunk;
static char *buffer;

/* How far stream i is. */
static unsigned long long progress(int i) {
  struct tcp_info info = {0};
  socklen_t size = sizeof info;
  if (!sending) return bytes_of[i];
  if (getsockopt(socket_of[i], IPPROTO_TCP, TCP_INFO, &info, &size)) die("TCP_INFO");
  return info.tcpi_bytes_acked;
}

static unsigned long long retransmitted(void) {
  unsigned long long sum = 0;
  for (int i = 0; i < streams; i++) {
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    getsockopt(socket_of[i], IPPROTO_TCP, TCP_INFO, &info, &size);
    sum += info.tcpi_bytes_retrans;
  }
  return sum;
}

static void open_streams(struct place a) {
  for (int i = 0; i < streams; i++) {
    int s = socket_of[i] = socket(a.any.sa_family, SOCK_STREAM, 0);
    if (s < 0) die("socket");
    cubic(s), hard(s), patience(s, 5);
    if (reach(s, &a)) die("connect");
  }
}

static void move(int i) {
  ssize_t n = sending ? send(socket_of[i], buffer, chunk, 0) : recv(socket_of[i], buffer, chunk, 0);
  if (n > 0) bytes_of[i] += n;
  else if (n == 0 || (errno != EAGAIN && errno != EINTR)) die("a stream stalled or was closed");
  else if (streams == 1) die("stalled");
}

int main(int argc, char **argv) {
  if (argc < 5) return fprintf(stderr, "usage: %s HOST PORT SECONDS send|recv [STREAMS [CHUNK]]\n", argv[0]), 2;
  sending = argv[4][0] == 's';
  streams = argc > 5 ? atoi(argv[5]) : 1;
  if (streams < 1 || streams > MOST) return fprintf(stderr, "1 to %d streams\n", MOST), 2;
  chunk = argc > 6 ? strtoul(argv[6], 0, 10) : streams == 1 ? 131072 : 65536;
  buffer = calloc(1, chunk);
  many_files();
  open_streams(address(argv[1], argv[2]));

  int poll = epoll_create1(0);
  struct epoll_event ready[256];
  for (int i = 0; streams > 1 && i < streams; i++) {
    struct epoll_event e = {.events = sending ? EPOLLOUT : EPOLLIN, .data.u32 = i};
    epoll_ctl(poll, EPOLL_CTL_ADD, socket_of[i], &e);
    struct timeval none = {0, 0};
    setsockopt(socket_of[i], SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none);
  }
  double seconds = atof(argv[3]), t = now(), start = t + WARM + WARM_EACH * streams, last = t;
  int warm = 0;
  while ((t = now()) < start + seconds) {
    if (!warm && t >= start) {
      for (int i = 0; i < streams; i++) base_of[i] = progress(i);
      start = now(), warm = 1;
    }
    if (streams == 1) { move(0); continue; }
    int n = epoll_wait(poll, ready, 256, 100);
    if (n > 0) last = t;
    else if (t - last > 5) { errno = ETIMEDOUT; die("all streams"); }
    for (int i = 0; i < n; i++) {
      int k = ready[i].data.u32;
      ssize_t m = sending ? send(socket_of[k], buffer, chunk, MSG_DONTWAIT)
                          : recv(socket_of[k], buffer, chunk, MSG_DONTWAIT);
      if (m > 0) bytes_of[k] += m;
      else if (m == 0 || errno != EAGAIN) die("a stream was closed");
    }
  }
  double sum = 0, total = 0, squares = 0, took = now() - start;
  for (int i = 0; i < streams; i++) {
    unsigned long long end = progress(i);
    double n = (double)(end - base_of[i]);
    total += end, sum += n, squares += n * n;
  }
  printf("{\"gbits\":%.4f,\"bytes\":%.0f,\"total\":%.0f,\"seconds\":%.4f,\"cpu\":%.4f,\"fairness\":%.4f,\"resent\":%llu}\n",
         sum * 8 / 1e9 / took, sum, total, took, cpu(), squares > 0 ? sum * sum / squares / streams : 0, retransmitted());
}
