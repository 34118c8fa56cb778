/**
 * The judge of a store: what specs/005-storage.md asks of every implementation, a topic a line.
 * Call it from the test file of the store, or of anything that wraps one.
 */
import { countersTopic } from './conformance/counters.ts'
import { durableTopic } from './conformance/durable.ts'
import { damageTopic } from './conformance/damage.ts'
import { lifeCycleTopic } from './conformance/life-cycle.ts'
import { logTopic } from './conformance/log.ts'
import { misuseTopic } from './conformance/misuse.ts'
import { modelTopic } from './conformance/model.ts'
import { recordsTopic } from './conformance/records.ts'
import { spaceTopic } from './conformance/space.ts'
import type { Suite } from './conformance/suite.ts'
import { partialUploadsTopic } from './conformance/partial-uploads.ts'
import { togetherTopic } from './conformance/together.ts'
import { valuesTopic } from './conformance/values.ts'

export type { Harness, Suite } from './conformance/suite.ts'

export function storeSuite(suite: Suite): void {
  recordsTopic(suite)
  countersTopic(suite)
  logTopic(suite)
  valuesTopic(suite)
  lifeCycleTopic(suite)
  spaceTopic(suite)
  damageTopic(suite)
  partialUploadsTopic(suite)
  misuseTopic(suite)
  togetherTopic(suite)
  modelTopic(suite)
  if (suite.supports.durable) durableTopic(suite)
}
