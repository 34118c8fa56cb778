/** Memory that goes back to the system at once, and not with some later garbage collection. */

/**
 * Frees arrays that nothing reads or writes any more, each with a buffer of its own: they have no
 * bytes afterwards. An idle process would keep such memory for as long as it stays idle.
 */
export function freeMemory(arrays: readonly Uint8Array[]): void {
  if (arrays.length === 0) return
  const { port1, port2 } = new MessageChannel()
  const buffers = arrays.map(({ buffer }) => buffer as ArrayBuffer)
  // A message that is not delivered ends with its channel, and with it what was moved into it.
  port1.postMessage(undefined, buffers)
  port2.close()
}
