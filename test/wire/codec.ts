/** What must be so of the codec of any protocol, for whatever kinds of messages it has. */
import { test } from '../serial.ts'
import * as fc from 'fast-check'
import { DstoreError } from '../../src/errors.ts'
import { damage } from './arbitraries.ts'

export interface Codec<M> {
  readonly encode: (message: M) => Uint8Array
  readonly decode: (bytes: Uint8Array) => M
}

/** One kind of message, by its name. */
export interface Kind<M> {
  readonly type: string
  readonly message: fc.Arbitrary<M>
}

export function codecSuite<M>(kinds: readonly Kind<M>[], { encode, decode }: Codec<M>): void {
  for (const { type, message } of kinds) {
    test(`any ${type} comes out as it went in`, (t) => {
      fc.assert(
        fc.property(message, (sent) => {
          t.deepEqual(decode(encode(sent)), sent)
        }),
      )
    })

    test(`R000-7: a damaged ${type} is a sound message or a broken protocol, nothing else`, (t) => {
      const damaged = message.chain((sent) => damage(encode(sent)))
      fc.assert(
        fc.property(damaged, (wire) => {
          let taken: M
          try {
            taken = decode(wire)
          } catch (error) {
            t.true(error instanceof DstoreError && error.code === 'protocol', String(error))
            return
          }
          t.deepEqual(decode(encode(taken)), taken)
        }),
        { numRuns: 1000 },
      )
    })
  }
}
