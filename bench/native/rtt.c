/*
 * rtt HOST PORT SECONDS SIZE tcp|udp|icmp: ping-pong with an echo service, from the kernel's side.
 * Prints JSON: microseconds a round trip, round trips a second, our CPU seconds. A tenth of the time is warm-up.
 */
#include "common.h"

enum { MOST = 1 << 23 };
static char *buffer, *answer;
static int s, size, is6;

static void stream(void) {
  if (send(s, buffer, size, 0) != size) die("send");
  for (int got = 0, n; got < size; got += n)
    if ((n = recv(s, answer, size - got, 0)) <= 0) die("no answer");
}

static void datagram(void) {
  if (send(s, buffer, size, 0) != size) die("send");
  if (recv(s, answer, size, 0) != size) die("no answer");
}

static unsigned short sum(const unsigned char *b, int n) {
  unsigned long t = 0;
  for (; n > 1; n -= 2, b += 2) t += b[0] << 8 | b[1];
  if (n) t += b[0] << 8;
  while (t >> 16) t = (t & 0xffff) + (t >> 16);
  return htons(~t & 0xffff);
}

/*
 * ICMP echo by a raw socket: the kernel's own answers to others come by as well. Of IPv6 the kernel writes the
 * checksum, and gives no header of IP (RFC 3542 s. 3).
 */
static void echo(void) {
  static unsigned short seq;
  unsigned short id = getpid() & 0xffff;
  int question = is6 ? 128 : 8, reply = is6 ? 129 : 0;
  memset(buffer, 0, 8);
  buffer[0] = question;
  memcpy(buffer + 4, &id, 2);
  seq++;
  memcpy(buffer + 6, &seq, 2);
  unsigned short check = is6 ? 0 : sum((unsigned char *)buffer, size);
  memcpy(buffer + 2, &check, 2);
  if (send(s, buffer, size, 0) != size) die("send");
  for (;;) {
    int n = recv(s, answer, size + 60, 0), head = is6 ? 0 : (answer[0] & 15) * 4;
    if (n <= 0) die("no answer");
    if (n >= head + 8 && (unsigned char)answer[head] == reply && !memcmp(answer + head + 4, buffer + 4, 4)) return;
  }
}

int main(int argc, char **argv) {
  if (argc < 6) return fprintf(stderr, "usage: %s HOST PORT SECONDS SIZE tcp|udp|icmp\n", argv[0]), 2;
  int tcp = argv[5][0] == 't', udp = argv[5][0] == 'u', one = 1;
  struct place a = address(argv[1], argv[2]);
  int family = a.any.sa_family;
  is6 = family == AF_INET6;
  size = atoi(argv[4]);
  if (!tcp && !udp && size < 8) size = 8;
  buffer = calloc(1, size + 1), answer = calloc(1, size + 128);
  s = socket(family, tcp ? SOCK_STREAM : udp ? SOCK_DGRAM : SOCK_RAW, tcp || udp ? 0 : is6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
  if (s < 0) die("socket");
  patience(s, 2);
  if (tcp) cubic(s);
  if (reach(s, &a)) die("connect");
  if (tcp) setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  void (*turn)(void) = tcp ? stream : udp ? datagram : echo;
  float *took = malloc(sizeof *took * MOST);
  double seconds = atof(argv[3]), begun = now(), start = begun + seconds * 0.1, used = 0, t = begun;
  long count = 0;
  int warm = 0;
  while (t < start + seconds && count < MOST) {
    if (!warm && t >= start) warm = 1, used = cpu(), start = t = now();
    turn();
    double end = now();
    if (warm) took[count++] = (end - t) * 1e6;
    t = end;
  }
  if (count == 0) return fprintf(stderr, "too short\n"), 1;
  used = cpu() - used;
  printf("{");
  print_times(took, count);
  printf(",\"rate\":%.1f,\"cpu\":%.4f}\n", count / (t - start), used);
}
