/**
 * Messages, keys and names that were sound once. What becomes of each is a sound one, or a fault
 * with its code; never anything else. `DSTORE_MUTATIONS` says how many of each kind are tried,
 * `DSTORE_SEED` which.
 */
import { readFileSync } from 'node:fs'
import { test } from '../serial.ts'
import { DstoreError } from '../../src/errors.ts'
import { parseKey } from '../../src/hash/key.ts'
import * as indexDecode from '../../src/index/codec/decode.ts'
import * as indexEncode from '../../src/index/codec/encode.ts'
import { checkName } from '../../src/index/name.ts'
import { formatTicket, parseTicket } from '../../src/membership/ticket.ts'
import * as transferMessage from '../../src/transfer/message.ts'
import { channelPair } from '../wire/memory-pair.ts'
import { FrameReader } from '../../src/wire/frames.ts'
import { INDEX_KINDS, TRANSFER_KINDS, indexMessage } from './messages.ts'
import { INDEX_SAMPLES, TRANSFER_SAMPLES } from './samples.ts'
import type { IndexKind, TransferKind } from './messages.ts'
import { Mutator } from './mutations.ts'
import { encode, frame } from './protobuf.ts'
import { sealTicket, ticketBody, writeTicket } from './tickets.ts'

/** With all kinds together more than 100,000; `npm run test:hostile` tries as many of each. */
const EACH = Number(process.env['DSTORE_MUTATIONS'] ?? 1000)
const SEED = Number(process.env['DSTORE_SEED'] ?? 7)

const index = (Object.keys(INDEX_SAMPLES) as IndexKind[]).map((kind) => ({
  kind,
  sound: indexMessage(kind, 17, INDEX_SAMPLES[kind]),
}))
const transfer = (Object.keys(TRANSFER_SAMPLES) as TransferKind[]).map((kind) => ({
  kind,
  sound: encode([[TRANSFER_KINDS[kind], TRANSFER_SAMPLES[kind]]]),
}))

interface Codec {
  readonly name: string
  readonly samples: readonly { readonly kind: string; readonly sound: Uint8Array }[]
  /** The message in these bytes, and what it comes to when it is written and read once more. */
  readonly twice: (bytes: Uint8Array) => readonly [unknown, unknown]
}

const CODECS: readonly Codec[] = [
  {
    name: 'index',
    samples: index,
    twice: (bytes) => {
      const taken = indexDecode.decodeMessage(bytes)
      return [taken, indexDecode.decodeMessage(indexEncode.encodeMessage(taken))]
    },
  },
  {
    name: 'transfer',
    samples: transfer,
    twice: (bytes) => {
      const taken = transferMessage.decodeMessage(bytes)
      return [taken, transferMessage.decodeMessage(transferMessage.encodeMessage(taken))]
    },
  },
]

for (const { name, samples, twice } of CODECS) {
  test(`R000-7 R004-1 R003-1 every sound ${name} message is taken, and each that was mutated is, or is protocol`, (t) => {
    const mutator = new Mutator(SEED)
    let taken = 0
    let refused = 0
    for (const { kind, sound } of samples) {
      t.notThrows(() => twice(sound), kind)
      for (let i = 0; i < EACH; i++) {
        const bytes = mutator.mutate(sound, mutator.pick(samples).sound)
        try {
          const [first, second] = twice(bytes)
          taken++
          // The comparison is slow: of those that are taken, some.
          if (taken % 50 === 0) t.deepEqual(second, first, hex(bytes))
        } catch (error) {
          refused++
          const isProtocol = error instanceof DstoreError && error.code === 'protocol'
          if (!isProtocol) t.fail(`${kind} ${hex(bytes)}: ${String(error)}`)
        }
      }
    }
    t.true(taken > 0 && refused > 0)
    t.log(`${samples.length} kinds: ${taken} taken, ${refused} refused`)
  })
}

test('R000-3 R000-5 a stream of frames that was mutated gives sound frames, or is protocol', async (t) => {
  const mutator = new Mutator(SEED)
  const ends: Record<string, number> = {}
  for (let i = 0; i < EACH; i++) {
    const all = Buffer.concat(Array.from({ length: 3 }, () => frame(mutator.pick(index).sound)))
    const [here, there] = channelPair()
    const reader = new FrameReader(there, { maxBytes: 10_000 })
    // What the far side does not take any more is of no concern.
    void here
      .write(mutator.mutate(all, mutator.pick(index).sound))
      .then(() => here.end())
      .catch(() => undefined)
    let end = 'ended'
    try {
      for (let next = await reader.next(); next !== undefined; next = await reader.next()) {
        t.true(next.byteLength <= 10_000)
      }
    } catch (error) {
      end = (error as DstoreError).code ?? String(error)
    }
    ends[end] = (ends[end] ?? 0) + 1
  }
  t.deepEqual(Object.keys(ends).toSorted(), ['ended', 'protocol'])
})

test('R001-3 a key that was mutated is a key that prints as one, or malformed', (t) => {
  const mutator = new Mutator(SEED)
  const sound = ['bafkr4ifpcne3t5pzugtkaqcn5i3nzskjtpfslsnnyejlpte2spfoihzsmi', 'af13'.repeat(16)]
  tryTexts(t, mutator, sound, 'malformed-key', (text) => {
    const key = parseKey(text)
    t.is(parseKey(key.toString()).toString(), key.toString())
    t.is(key.digest.byteLength, 32)
  })
})

test('R004-29 a name that was mutated is a name, or usage', (t) => {
  const mutator = new Mutator(SEED)
  const sound = ['models/v1', 'ümläut/名前', 'x'.repeat(510)]
  tryTexts(t, mutator, sound, 'usage', (text) => {
    checkName(text)
    t.true(Buffer.byteLength(text) <= 512)
    t.notRegex(text, /\p{Cc}/u)
    t.throws(() => parseKey(text), undefined, text)
  })
})

test('R006-1 a ticket that was mutated, with a checksum that fits or none, is usage or one that prints as itself', (t) => {
  const mutator = new Mutator(SEED)
  const sound = writeTicket({
    key: Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex'),
    secret: new Uint8Array(32).fill(7),
    addresses: ['/ip4/192.0.2.1/tcp/4480', '/dns/global.example/tcp/4480'],
  })
  t.is(formatTicket(parseTicket(sound)), sound)
  const body = ticketBody(sound)
  let taken = 0
  for (let i = 0; i < EACH; i++) {
    const isSealed = mutator.below(4) > 0
    const bytes = mutator.mutate(isSealed ? body : Buffer.from(sound), body)
    const text = isSealed ? sealTicket(bytes) : Buffer.from(bytes).toString('latin1')
    try {
      t.is(formatTicket(parseTicket(text)), text)
      taken++
    } catch (error) {
      const isRight = error instanceof DstoreError && error.code === 'usage'
      if (!isRight) t.fail(`${JSON.stringify(text)}: ${String(error)}`)
      else if (text.length > 12) t.false(error.message.includes(text), 'it is not repeated')
    }
  }
  t.true(taken > 0)
  t.log(`${taken} of ${EACH} taken`)
})

test('there is a sample of every kind that the schemas have', (t) => {
  const kindsIn = (schema: string): [string, number][] => {
    const [, body] = /oneof body \{([^}]*)\}/.exec(readFileSync(schema, 'utf8'))!
    return [...body!.matchAll(/(\w+) = (\d+);/g)].map(([, kind, number]) => [
      kind!.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
      Number(number),
    ])
  }
  t.deepEqual(kindsIn('src/index/codec/messages.proto'), Object.entries(INDEX_KINDS))
  t.deepEqual(kindsIn('src/transfer/messages.proto'), Object.entries(TRANSFER_KINDS))
})

/** Mutations of texts, as bytes of UTF-8 and sometimes of nothing. */
function tryTexts(
  t: { readonly fail: (why: string) => void; readonly log: (line: string) => void },
  mutator: Mutator,
  sound: readonly string[],
  code: string,
  take: (text: string) => void,
): void {
  let taken = 0
  for (let i = 0; i < EACH; i++) {
    const bytes = mutator.mutate(Buffer.from(mutator.pick(sound)), Buffer.from(sound[0]!))
    const text = Buffer.from(bytes).toString(mutator.pick(['utf8', 'latin1', 'utf16le']))
    try {
      take(text)
      taken++
    } catch (error) {
      const isRight = error instanceof DstoreError && error.code === code
      if (!isRight) t.fail(`${JSON.stringify(text)}: ${String(error)}`)
    }
  }
  t.log(`${taken} of ${EACH} taken`)
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
