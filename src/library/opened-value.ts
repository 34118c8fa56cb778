/** What a program reads a value by. */
import type { Key } from '../hash/key.ts'
import type { ByteRange } from '../hash/tree/tree.ts'

/**
 * A value that `get` found. Read its bytes once, by one of these methods or by iterating over it,
 * or `cancel` it. Every byte is verified before the program sees it. Reading can fail with
 * `integrity`, `removed`, `unreachable`, `timeout` or `cancelled`.
 */
export interface Value extends AsyncIterable<Uint8Array> {
  readonly key: Key
  /** Size of the whole value, in bytes. */
  readonly size: number
  /** The bytes to read: the whole value, or the requested range, cut to the value. */
  readonly range: ByteRange
  /**
   * Read the range into memory.
   * @example const bytes = await (await dstore.get('greeting')).bytes()
   */
  bytes(): Promise<Uint8Array>
  /**
   * Read the range as UTF-8; invalid sequences become U+FFFD.
   * @example console.log(await (await dstore.get('greeting')).text())
   */
  text(): Promise<string>
  /**
   * Read the range as a web stream: `new Response(value.stream())`. Cancelling it cancels the
   * value.
   * @example return new Response((await dstore.get('greeting')).stream())
   */
  stream(): ReadableStream<Uint8Array>
  /**
   * Stop reading and release the value. Call it on a value that you do not read to its end.
   * @example await (await dstore.get('greeting')).cancel()
   */
  cancel(): Promise<void>
}
