/**
 * What fields of messages may hold, at their edges and between, for properties over both protocols.
 */
import * as fc from 'fast-check'
import { ERRORS, type ErrorCode } from '../../src/errors.ts'
import { TEXT_CHARS } from '../../src/limits.ts'

export const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length })

export const digest: fc.Arbitrary<Uint8Array> = bytes(32)

/** A size, an offset or a sequence number. */
export const count: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(0, 1, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER),
  fc.maxSafeNat(),
)

/** A line as a person may read it: any characters but control characters. */
export const line: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom('', 'x'.repeat(TEXT_CHARS)),
  fc.stringMatching(/^[^\p{C}]{0,80}$/u),
)

export const code: fc.Arbitrary<ErrorCode> = fc.constantFrom(
  ...(Object.keys(ERRORS) as ErrorCode[]),
)

/** Bytes with some of them changed, cut off, put in or taken out. */
export const damage = (whole: Uint8Array): fc.Arbitrary<Uint8Array> =>
  fc
    .array(
      fc.record({
        at: fc.nat({ max: whole.byteLength }),
        take: fc.nat({ max: 4 }),
        put: fc.uint8Array({ maxLength: 4 }),
      }),
      { minLength: 1, maxLength: 4 },
    )
    .map((edits) => {
      let result = [...whole]
      for (const { at, take, put } of edits) {
        result = [...result.slice(0, at), ...put, ...result.slice(at + take)]
      }
      return Uint8Array.from(result)
    })
