/** Makes the vectors of document 006: encodes and decodes tickets, using only the page. */
import { digest } from './verified-values.ts'

export interface TicketVectors {
  readonly tickets: readonly {
    readonly text: string
    readonly peer: string
    /** Hex. */
    readonly secret: string
    /** What Global keeps of it, hex. */
    readonly kept: string
    readonly addresses: readonly string[]
  }[]
  /** Texts that are not tickets: each is refused with `usage`. */
  readonly refused: readonly { readonly why: string; readonly text: string }[]
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'
const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

const ascii = (text: string): number[] => Array.from(text, (letter) => letter.charCodeAt(0))
const blake3 = (bytes: readonly number[]): number[] => [...digest(Uint8Array.from(bytes))]
const hex = (bytes: readonly number[]): string =>
  bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')

function base32(bytes: readonly number[]): string {
  const bits = bytes.map((byte) => byte.toString(2).padStart(8, '0')).join('')
  return (bits.match(/.{1,5}/g) ?? [])
    .map((five) => ALPHABET[Number.parseInt(five.padEnd(5, '0'), 2)])
    .join('')
}

function base58(bytes: readonly number[]): string {
  let number = BigInt(`0x${hex(bytes)}`)
  let text = ''
  for (; number > 0n; number /= 58n) text = BASE58[Number(number % 58n)] + text
  return '1'.repeat(bytes.findIndex((byte) => byte !== 0)) + text
}

/** Of a public key: an identity multihash of the key in libp2p's protobuf. */
const peerOf = (key: readonly number[]): string =>
  base58([0x00, 0x24, 0x08, 0x01, 0x12, 0x20, ...key])

const checksum = (body: readonly number[]): number[] =>
  blake3([...ascii('dstore1 checksum\n'), ...body]).slice(0, 4)

const sealed = (body: readonly number[]): string => `dstore1${base32([...body, ...checksum(body)])}`

const lines = (addresses: readonly string[]): number[] =>
  addresses.flatMap((address) => [address.length, ...ascii(address)])

const KEY = Array.from({ length: 32 }, (_, i) => i)
const SECRET = Array.from({ length: 32 }, (_, i) => 255 - i)
const NEAR = '/ip4/127.0.0.1/tcp/4480'

const ADDRESSES: readonly (readonly string[])[] = [
  [NEAR],
  ['/ip6/fe80::1%eth0/tcp/1', '/dns/global.example.org/tcp/65535'],
  Array.from({ length: 8 }, (_, i) => `/ip4/10.0.0.${i}/tcp/4480`),
]

export function ticketVectors(): TicketVectors {
  const tickets = ADDRESSES.map((addresses, i) => {
    const secret = SECRET.map((byte) => byte ^ i)
    return {
      text: sealed([...KEY, ...secret, ...lines(addresses)]),
      peer: peerOf(KEY),
      secret: hex(secret),
      kept: hex(blake3([...ascii('dstore1 secret\n'), ...secret])),
      addresses,
    }
  })
  const head = [...KEY, ...SECRET]
  const body = [...head, ...lines([NEAR])]
  const good = sealed(body)
  const broken = (at: number): string =>
    good.slice(0, at) + (good[at] === 'a' ? 'b' : 'a') + good.slice(at + 1)
  const address = (text: string): string => sealed([...head, ...lines([text])])
  const refused = [
    { why: 'empty', text: '' },
    { why: 'the name alone', text: 'dstore1' },
    { why: 'another version', text: good.replace('dstore1', 'dstore2') },
    { why: 'no name', text: good.slice('dstore1'.length) },
    { why: 'upper case', text: good.toUpperCase() },
    {
      why: 'one letter in upper case',
      text: good.slice(0, 20) + good[20]!.toUpperCase() + good.slice(21),
    },
    { why: 'a space before it', text: ` ${good}` },
    { why: 'a line feed after it', text: `${good}\n` },
    { why: 'padding', text: `${good}=` },
    { why: 'a letter that base32 does not have', text: `${good.slice(0, -1)}1` },
    { why: 'one letter too few', text: good.slice(0, -1) },
    { why: 'one letter too many', text: `${good}a` },
    { why: 'cut in the middle', text: good.slice(0, 80) },
    { why: 'twice', text: good + good },
    ...[7, 40, 90, good.length - 3].map((at) => ({
      why: `letter ${at} is another`,
      text: broken(at),
    })),
    { why: 'bits that stand for nothing', text: nextLetter(good) },
    { why: 'nothing but a checksum', text: sealed([]) },
    { why: 'no address', text: sealed(head) },
    { why: 'a secret of 31 bytes', text: sealed(head.slice(0, -1)) },
    {
      why: 'nine addresses',
      text: sealed([...head, ...lines(Array.from({ length: 9 }, () => NEAR))]),
    },
    { why: 'an address that ends too early', text: sealed(body.slice(0, -1)) },
    { why: 'a length of nothing', text: sealed([...body, 0]) },
    { why: 'a length beyond the end', text: sealed([...body, 255]) },
    { why: 'an address with a peer id', text: address(`${NEAR}/p2p/${peerOf(KEY)}`) },
    { why: 'an address of UDP', text: address('/ip4/127.0.0.1/udp/4480') },
    { why: 'port 0', text: address('/ip4/127.0.0.1/tcp/0') },
    { why: 'an address with an escape in it', text: address('/dns4/\u001b[2J/tcp/1') },
    { why: 'an address with a line feed', text: address('/dns4/a\nb/tcp/1') },
    {
      why: 'an address that is no ASCII',
      text: sealed([...head, 16, ...ascii('/dns4/'), 0xc3, 0xa9, ...ascii('/tcp/480')]),
    },
    {
      why: 'an address of 201 characters',
      text: address(`/dns4/${'a'.repeat(190)}/tcp/1`.padEnd(201, '1').slice(0, 201)),
    },
    { why: 'too long by far', text: `dstore1${'a'.repeat(5000)}` },
  ]
  return { tickets, refused }
}

/** Changes the unused bits of the last letter; adds a letter if it has none. */
function nextLetter(text: string): string {
  const spare = ((text.length - 'dstore1'.length) * 5) % 8
  if (spare === 0) return `${text}b`
  return text.slice(0, -1) + ALPHABET[ALPHABET.indexOf(text.at(-1)!) + 1]
}
