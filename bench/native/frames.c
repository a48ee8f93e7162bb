/*
 * frames copy TAP TAP [offload]         what comes from one TAP goes to the other, both ways: the fastest that one
 *                                       thread can do between the two, which is what a switch is measured against
 * frames send IFACE MAC SIZE SECONDS    frames of SIZE bytes to MAC by an interface of the kernel's, as fast as it
 *                                       takes them; prints how many
 */
#include "common.h"
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <poll.h>
#include <sys/ioctl.h>

enum { ROOM = 70000, BATCH = 256, BURST = 64 };

static int open_tap(const char *name, int offload) {
  struct ifreq r = {0};
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  strncpy(r.ifr_name, name, IFNAMSIZ - 1);
  r.ifr_flags = IFF_TAP | IFF_NO_PI | (offload ? IFF_VNET_HDR : 0);
  if (fd < 0 || ioctl(fd, TUNSETIFF, &r) < 0) die(name);
  if (offload && ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) < 0) die("offload");
  return fd;
}

static void copy(int from, int to) {
  static char frame[ROOM];
  for (int i = 0; i < BATCH; i++) {
    ssize_t n = read(from, frame, ROOM);
    if (n <= 0) return;
    if (write(to, frame, n) < 0 && errno != EAGAIN && errno != EIO) die("write");
  }
}

static void run_copy(const char *a, const char *b, int offload) {
  struct pollfd p[2] = {{open_tap(a, offload), POLLIN, 0}, {open_tap(b, offload), POLLIN, 0}};
  puts("ready");
  fflush(stdout);
  for (;;) {
    if (poll(p, 2, -1) < 0) die("poll");
    if (p[0].revents) copy(p[0].fd, p[1].fd);
    if (p[1].revents) copy(p[1].fd, p[0].fd);
  }
}

static int run_send(const char *name, const char *mac, int size, double seconds) {
  int fd = socket(AF_PACKET, SOCK_RAW, 0);
  struct ifreq r = {0};
  unsigned char frame[2048] = {0};
  struct mmsghdr m[BURST] = {0};
  struct iovec v = {frame, size};
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_halen = 6};
  unsigned o[6];
  unsigned long long sent = 0;
  strncpy(r.ifr_name, name, IFNAMSIZ - 1);
  if (fd < 0 || ioctl(fd, SIOCGIFINDEX, &r) < 0) die(name);
  to.sll_ifindex = r.ifr_ifindex;
  if (ioctl(fd, SIOCGIFHWADDR, &r) < 0) die("address");
  if (sscanf(mac, "%x:%x:%x:%x:%x:%x", o, o + 1, o + 2, o + 3, o + 4, o + 5) != 6) die(mac);
  for (int i = 0; i < 6; i++) frame[i] = o[i];
  memcpy(frame + 6, r.ifr_hwaddr.sa_data, 6);
  frame[12] = 0x88, frame[13] = 0xb5; /* for experiments: nobody answers */
  for (int i = 0; i < BURST; i++) {
    m[i].msg_hdr.msg_name = &to, m[i].msg_hdr.msg_namelen = sizeof to;
    m[i].msg_hdr.msg_iov = &v, m[i].msg_hdr.msg_iovlen = 1;
  }
  for (double end = now() + seconds; now() < end;) {
    int n = sendmmsg(fd, m, BURST, 0);
    if (n > 0) sent += n;
    else if (errno != ENOBUFS && errno != EAGAIN) die("sendmmsg");
  }
  printf("%llu\n", sent);
  return 0;
}

int main(int argc, char **argv) {
  if (argc >= 4 && !strcmp(argv[1], "copy")) run_copy(argv[2], argv[3], argc > 4);
  if (argc == 6 && !strcmp(argv[1], "send")) return run_send(argv[2], argv[3], atoi(argv[4]), atof(argv[5]));
  fputs("frames copy TAP TAP [offload] | send IFACE MAC SIZE SECONDS\n", stderr);
  return 2;
}
