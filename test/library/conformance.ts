/**
 * What a program may rely on, with a node of its own in any role or the client of a daemon: a suite
 * as a function of the implementation. Each topic runs on a fresh one.
 */
import type { ExecutionContext, TestFn } from 'ava'
import type { Dstore } from '../../src/dstore.ts'
import { callTopics } from './conformance-calls.ts'
import { indexTopics } from './conformance-index.ts'
import type { Topic } from './conformance-samples.ts'
import { valueTopics } from './conformance-values.ts'

export interface Suite {
  readonly test: TestFn
  /** The implementation, for the titles of the tests. */
  readonly name: string
  readonly role: Dstore['role']
  /** Opens an empty one, and closes it at the end of the test. */
  readonly create: (t: ExecutionContext) => Promise<Dstore>
}

export function suite({ test, name, role, create }: Suite): void {
  // One after the other: 75 nodes that start at once would run into their own timeouts.
  const topic: Topic = (title, body) =>
    test.serial(`${name}: ${title}`, async (t) => body(t, await create(t)))
  valueTopics(topic, role)
  indexTopics(topic)
  callTopics(topic, role)
}
