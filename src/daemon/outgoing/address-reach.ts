/** From where an IP address can be reached: what a redirect of a stranger may lead this node to. */
import { BlockList } from 'node:net'

/** From the widest to the narrowest. `link`: one network segment, and what is no host at all. */
export const REACHES = ['public', 'private', 'machine', 'link'] as const

export type Reach = (typeof REACHES)[number]

/** Networks that are not public: `ADDRESS/BITS`, with spaces between them. */
const NETWORKS: Readonly<Record<Exclude<Reach, 'public'>, string>> = {
  // The last four hold IPv4 addresses: those of a gateway, or of a tunnel, may be private ones.
  private:
    '10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 198.18.0.0/15 fc00::/7 fec0::/10 ' +
    '64:ff9b::/96 64:ff9b:1::/48 2002::/16 2001::/32',
  machine: '127.0.0.0/8 ::1/128 0.0.0.0/8 ::/128',
  // The last two are among the addresses where clouds hand out credentials.
  link:
    '169.254.0.0/16 192.0.0.0/24 224.0.0.0/4 240.0.0.0/4 fe80::/10 ff00::/8 ' +
    'fd00:ec2::254/128 100.100.100.200/32',
}

const listOf = (networks: string): BlockList => {
  const list = new BlockList()
  for (const network of networks.split(' ')) {
    const [address = '', bits] = network.split('/')
    list.addSubnet(address, Number(bits), familyOf(address))
  }
  return list
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (address.includes(':') ? 'ipv6' : 'ipv4')

/** The narrowest first: a network of a narrow reach may lie in one of a wider reach. */
const LISTS = (['link', 'machine', 'private'] as const).map(
  (reach) => [reach, listOf(NETWORKS[reach])] as const,
)

/** The reach of an IP address, also of an IPv4 one as IPv6 writes it (`::ffff:10.0.0.1`). */
export function reachOf(address: string): Reach {
  const [plain = ''] = address.split('%')
  return LISTS.find(([, list]) => list.check(plain, familyOf(plain)))?.[0] ?? 'public'
}

/** Is an address of reach `to` one that a host of reach `from` may send this node to? */
export const mayLead = (from: Reach, to: Reach): boolean =>
  REACHES.indexOf(to) <= REACHES.indexOf(from)
