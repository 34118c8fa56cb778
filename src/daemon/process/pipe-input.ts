/** Reading a pipe without a thread of the file system, which could hang in it for ever and keep a process from ending. */
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'

/** The bytes of an open pipe; it is closed at their end. */
export function pipeInput(fd: number): Readable {
  return new Socket({ fd, readable: true, writable: false })
}
