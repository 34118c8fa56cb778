/**
 * What a program may rely on, with a node of its own in any role or the client of a daemon: a suite
 * as a function of the implementation. Each topic runs on a fresh one.
 */
import type { ExecutionContext, SerialFn } from 'ava'
import type { Dstore } from '../../src/dstore.ts'
import { callTopics } from './conformance-calls.ts'
import { indexTopics } from './conformance-index.ts'
import { directoryTopics } from './conformance-directories.ts'
import type { Topic } from './conformance-samples.ts'
import { pathTopics } from './conformance-paths.ts'
import { valueTopics } from './conformance-values.ts'

export interface Suite {
  readonly test: SerialFn
  /** The implementation, for the titles of the tests. */
  readonly name: string
  readonly role: Dstore['role']
  /** Default: it has a folder to make files in. */
  readonly hasFiles?: boolean
  /** Opens an empty one, and closes it at the end of the test. */
  readonly create: (t: ExecutionContext) => Promise<Dstore>
}

export function suite({ test, name, role, hasFiles = true, create }: Suite): void {
  const topic: Topic = (title, body) =>
    test(`${name}: ${title}`, async (t) => body(t, await create(t)))
  valueTopics(topic, role)
  indexTopics(topic)
  callTopics(topic, role)
  directoryTopics(topic)
  pathTopics(topic, hasFiles)
}
