/** What a path of this door leads to, as listings show it. */
import type { Key } from '../../hash/key.ts'

export interface Resource {
  /** The last part of its path; empty for the root. */
  readonly name: string
  readonly isFolder: boolean
  /** Of the value; a folder of names has none. */
  readonly key?: Key
  /** Bytes of a file, if known. */
  readonly size?: number
  /** When its name was bound, if known; wall clock, in milliseconds. */
  readonly boundMs?: number
  /** Only of a file in a directory. */
  readonly executable?: boolean
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/**
 * The text where XML and HTML have text or a quoted value. A name may have two characters that XML
 * forbids however they are written.
 */
export const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (one) => ESCAPES[one]!).replace(/[\ufffe\uffff]/g, '\ufffd')
