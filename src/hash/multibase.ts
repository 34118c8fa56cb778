/** The multibases in which a CID may be written. */
import { base2 } from 'multiformats/bases/base2'
import { base8 } from 'multiformats/bases/base8'
import { base10 } from 'multiformats/bases/base10'
import * as base16 from 'multiformats/bases/base16'
import * as base32 from 'multiformats/bases/base32'
import * as base36 from 'multiformats/bases/base36'
import * as base58 from 'multiformats/bases/base58'
import * as base64 from 'multiformats/bases/base64'
import { base256emoji } from 'multiformats/bases/base256emoji'

/** A multibase: `prefix` is the one character (by code point) that names it. */
interface Base {
  readonly name: string
  readonly prefix: string
  encode(bytes: Uint8Array): string
  decode(text: string): Uint8Array
}

const FAMILIES = [{ base2, base8, base10, base256emoji }, base16, base32, base36, base58, base64]

/** By prefix. */
export const BASES: ReadonlyMap<string, Base> = new Map(
  FAMILIES.flatMap((family): Base[] => Object.values<Base>(family)).map((base) => [
    base.prefix,
    base,
  ]),
)
