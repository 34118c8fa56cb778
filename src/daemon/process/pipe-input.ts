/**
 * Reads a pipe without a file system thread, which could block in it and keep the process alive.
 */
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'

/** The bytes of an open pipe, which is closed at its end. */
export function pipeInput(fd: number): Readable {
  return new Socket({ fd, readable: true, writable: false })
}
