import { test } from '../../serial.ts'
import { TICKET_ADDRESSES } from '../../../src/limits.ts'
import { resolveHost, usableAddresses } from '../../../src/network/host-addresses.ts'
import {
  ADDRESSES_FILE_BYTES,
  GlobalAddresses,
  decodeAddresses,
  encodeAddresses,
  type SavedAddresses,
} from '../../../src/node/local/global-addresses.ts'

const PEER = '12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X'
const full = (address: string): string => `${address}/p2p/${PEER}`
const at = (n: number): string => `/ip4/10.0.0.${n}/tcp/4480`
const target = (address: string) => ({ address: full(address), known: full(address) })

function addresses(given: readonly string[], saved?: SavedAddresses) {
  const kept: SavedAddresses[] = []
  const save = async (some: SavedAddresses): Promise<void> => void kept.push(some)
  const known = new GlobalAddresses({
    peer: PEER,
    given: given.map(full),
    saved,
    save,
    usable: usableAddresses,
  })
  return { known, kept }
}

test('R004-70 the address proved last comes first, then those given, then those that Global names', async (t) => {
  const { known, kept } = addresses([at(1), at(2)])
  t.deepEqual(known.all, [at(1), at(2)].map(full))
  known.welcomed(target(at(2)), [at(3), at(2)])
  t.deepEqual(known.all, [at(2), at(1), at(3)].map(full))
  known.welcomed(target(at(3)), [at(4)])
  t.deepEqual(known.all, [at(3), at(1), at(2), at(4)].map(full), 'proved, though no longer named')
  known.welcomed(target(at(3)), [at(4)])
  await known.close()
  const given = [at(1), at(2)].map(full)
  t.deepEqual(kept, [
    { given, last: at(2), named: [at(3), at(2)] },
    { given, last: at(3), named: [at(4)] },
  ])
  t.deepEqual(addresses([at(1), at(2)], kept[1]).known.all, [at(3), at(1), at(2), at(4)].map(full))
  t.deepEqual(addresses([at(2)], kept[1]).known.all, [full(at(2))], 'the user knows better now')
})

test('R004-70 a host name stays what it is called by', (t) => {
  const { known } = addresses(['/dns4/global.example/tcp/1', at(2)])
  known.welcomed({ address: full(at(7)), known: full('/dns4/global.example/tcp/1') }, [])
  t.deepEqual(known.all, ['/dns4/global.example/tcp/1', at(2)].map(full))
})

test('R006-43 the file of addresses is bounded, and a damaged one is none', (t) => {
  const long = `/dns4/${'a'.repeat(180)}/tcp/65535`
  const most = {
    given: Array.from({ length: TICKET_ADDRESSES }, () => full(long)),
    last: long,
    named: Array.from({ length: TICKET_ADDRESSES }, () => long),
  }
  t.true(encodeAddresses(most).length <= ADDRESSES_FILE_BYTES)
  t.deepEqual(decodeAddresses(encodeAddresses(most)), most)
  const none = { given: [], last: undefined, named: [] }
  t.deepEqual(decodeAddresses(encodeAddresses(none)), none)
  for (const damaged of [
    '',
    'null',
    '[]',
    '{"named":[]}',
    '{"given":[7],"named":[]}',
    '{"given":["x"]}',
    '{"given":["x"],"named":["/unix/a"]}',
    '{"given":["x"],"named":[7]}',
    '{"given":["x"],"named":[],"last":""}',
    JSON.stringify({ given: [], named: Array.from({ length: TICKET_ADDRESSES + 1 }, () => at(1)) }),
  ]) {
    t.throws(() => decodeAddresses(damaged), { code: 'unreadable' }, damaged)
  }
})

test('R006-44 of what Global names only addresses of hosts are dialled, and this machine only if it is there', (t) => {
  const good = [
    at(2),
    '/ip4/192.168.1.2/tcp/1',
    '/ip4/8.8.8.8/tcp/65535',
    '/ip6/2001:db8::1/tcp/1',
    '/ip6/fd00::1/tcp/1',
  ]
  const here = [
    '/ip4/127.0.0.1/tcp/1',
    '/ip4/127.9.9.9/tcp/1',
    '/ip6/::1/tcp/1',
    '/ip6/::ffff:127.0.0.1/tcp/1',
  ]
  const bad = [
    '/ip4/0.0.0.0/tcp/1',
    '/ip4/169.254.169.254/tcp/80',
    '/ip4/224.0.0.1/tcp/1',
    '/ip4/255.255.255.255/tcp/1',
    '/ip6/::/tcp/1',
    '/ip6/fe80::1/tcp/1',
    '/ip6/ff02::1/tcp/1',
    '/ip6/::ffff:169.254.1.1/tcp/1',
    '/ip4/10.0.0.1/tcp/65536',
    '/ip4/10.0.0.256/tcp/1',
    '/dns4/localhost/tcp/1',
    '/dns/global.example/tcp/1',
  ]
  const all = [...bad, ...here, ...good]
  t.deepEqual(usableAddresses(all, at(1)), good)
  t.deepEqual(usableAddresses(all, at(2)), good)
  t.deepEqual(usableAddresses(all, '/ip4/127.0.0.1/tcp/9'), good, 'a tunnel to another machine')
  t.deepEqual(usableAddresses(all, '/ip6/::1/tcp/1'), [...here, ...good])
})

test('R006-45 an address stands for itself, and a name for what the system knows now', async (t) => {
  t.deepEqual(await resolveHost(full(at(1))), [full(at(1))])
  t.deepEqual(await resolveHost(full('/dns4/localhost/tcp/7')), [full('/ip4/127.0.0.1/tcp/7')])
  await t.throwsAsync(resolveHost('/dns/nowhere.invalid/tcp/7'), {
    code: 'unreachable',
    message: /no such host/,
  })
})

test('R006-45 of a name with many addresses the first of both families are dialled, in turns', async (t) => {
  const host = (family: 4 | 6, n: number) => {
    return { family, address: family === 4 ? `10.0.0.${n}` : `fd00::${n}` }
  }
  const found = [
    ...[1, 2, 3].map((n) => host(6, n)),
    ...[1, 2, 3, 4, 5, 6, 7].map((n) => host(4, n)),
  ]
  const asked: unknown[] = []
  const all = await resolveHost('/dns/global.example/tcp/7', async (name, { family }) => {
    asked.push([name, family])
    return [host(6, 1), ...found]
  })
  t.deepEqual(asked, [['global.example', 0]])
  const expected = ['6/fd00::1', '4/10.0.0.1', '4/10.0.0.2', '6/fd00::2', '4/10.0.0.3', '6/fd00::3']
  t.deepEqual(
    all,
    [...expected, '4/10.0.0.4', '4/10.0.0.5'].map((one) => `/ip${one}/tcp/7`),
  )
})
