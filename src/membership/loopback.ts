/** Addresses that only processes of the same machine can reach. */

const LOOPBACK = /^\/(ip4\/127\.|ip6\/(::1|::ffff:(7f[\da-f]{2}:[\da-f]{1,4}|127\.[\d.]+))\/)/i

/** Does a multiaddr of an IP address lead to loopback? False for every host name. */
export const isLoopbackAddress = (address: string): boolean => LOOPBACK.test(address)
