/*
 * wsrate HOST PORT SECONDS SIZE CONNECTIONS WINDOW: WebSocket messages of SIZE bytes to a server that sends each
 * back, WINDOW of them on their way on each connection (RFC 6455). A tenth of the time is warm-up.
 * Prints JSON: messages answered a second, our CPU seconds.
 */
#include "common.h"
#include <sys/epoll.h>

enum { WIDEST = 4096, DEEPEST = 1024, LARGEST = 125, HEAD = 6, ANSWER_HEAD = 2 };
static struct { int s, partial; } one_of[WIDEST];
static char frames[DEEPEST * (HEAD + LARGEST)], answer[1 << 16];
static int size;

static void shake_hands(int s) {
  static const char question[] =
      "GET / HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  int have = 0, n;
  if (send(s, question, sizeof question - 1, 0) < 0) die("send");
  do {
    if ((n = recv(s, answer + have, 4096 - have, 0)) <= 0) die("no handshake");
    answer[have += n] = 0;
  } while (!strstr(answer, "\r\n\r\n"));
  if (strncmp(answer, "HTTP/1.1 101", 12)) {
    fprintf(stderr, "no WebSocket: %.40s\n", answer);
    exit(1);
  }
}

/* Masked by a key of zeros: the server unmasks it all the same. */
static void fill(void) {
  for (int i = 0; i < DEEPEST; i++) {
    char *f = frames + i * (HEAD + size);
    f[0] = (char)0x82, f[1] = (char)(0x80 | size);
  }
}

static void say(int s, int count) {
  int length = count * (HEAD + size);
  if (count > 0 && send(s, frames, length, MSG_NOSIGNAL) != length) die("send");
}

int main(int argc, char **argv) {
  if (argc != 7) return fprintf(stderr, "usage: %s HOST PORT SECONDS SIZE CONNECTIONS WINDOW\n", argv[0]), 2;
  struct place a = address(argv[1], argv[2]);
  int connections = atoi(argv[5]), window = atoi(argv[6]);
  size = atoi(argv[4]);
  if (size < 1 || size > LARGEST) return fprintf(stderr, "1 to %d bytes\n", LARGEST), 2;
  if (connections < 1 || connections > WIDEST || window < 1 || window > DEEPEST)
    return fprintf(stderr, "1 to %d connections, 1 to %d on their way\n", WIDEST, DEEPEST), 2;
  fill(), many_files();
  int poll = epoll_create1(0), one = 1;
  for (int i = 0; i < connections; i++) {
    int s = one_of[i].s = socket(a.any.sa_family, SOCK_STREAM, 0);
    if (s < 0) die("socket");
    cubic(s), hard(s), patience(s, 5);
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (reach(s, &a)) die("connect");
    shake_hands(s);
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = i};
    epoll_ctl(poll, EPOLL_CTL_ADD, s, &e);
  }
  for (int i = 0; i < connections; i++) say(one_of[i].s, window);
  double seconds = atof(argv[3]), start = now() + seconds * 0.1, t, used = 0;
  long long count = 0;
  int warm = 0;
  struct epoll_event ready[256];
  while ((t = now()) < start + seconds) {
    if (!warm && t >= start) warm = 1, used = cpu(), start = t;
    int n = epoll_wait(poll, ready, 256, 5000);
    if (n <= 0) { errno = ETIMEDOUT; die("no answer"); }
    for (int k = 0; k < n; k++) {
      int i = ready[k].data.u32, s = one_of[i].s;
      ssize_t m = recv(s, answer, sizeof answer, MSG_DONTWAIT);
      if (m <= 0) die("a connection ended");
      int have = one_of[i].partial + m, whole = have / (ANSWER_HEAD + size);
      one_of[i].partial = have % (ANSWER_HEAD + size);
      if (warm) count += whole;
      say(s, whole);
    }
  }
  if (count == 0) return fprintf(stderr, "too short\n"), 1;
  printf("{\"rate\":%.1f,\"cpu\":%.4f}\n", count / (t - start), cpu() - used);
}
