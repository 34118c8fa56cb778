import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { test } from '../../serial.ts'
import type { Body, Request } from '../../../src/index/message.ts'
import { digestOf } from '../tokens.ts'
import { drive, itemOf, putTree, type PutTreeOptions } from './put-tree.ts'
import { TreeMachine } from './tree-machine.ts'
import { TreeModel, sorted } from './tree-model.ts'
import { DIRECTORIES, FILES, below, bytesOf, isDirectory, tokenOf } from './universe.ts'

const NAMES = ['a', 'b', 'a/b', 'a/b/c']
const HOLDS = [1, 2, 3]

const file = fc.constantFrom(...FILES)
const directory = fc.constantFrom(...DIRECTORIES)
const token = fc.oneof(file, directory)
const tokens = fc.uniqueArray(token, { minLength: 1, maxLength: 4 })
const name = fc.constantFrom(...NAMES)
const hold = fc.constantFrom(...HOLDS)
const maybeName = fc.option(name, { nil: undefined, freq: 1 })
const flag = fc.boolean()

const call = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('put' as const), token, name: maybeName }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('open' as const), hold }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('release' as const), hold }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('present' as const), hold, tokens }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('put-held' as const), hold, tokens }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('make' as const), hold, tokens }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('commit' as const),
      hold,
      root: directory,
      name: maybeName,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('tree' as const),
      hold: fc.constantFrom(7, 8),
      root: directory,
      name: maybeName,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('bind' as const),
      name,
      token,
      asDirectory: flag,
    }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('unbind' as const), name, keep: flag }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('remove' as const), token, force: flag }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('restart' as const) }) },
)

type Call = typeof call extends fc.Arbitrary<infer T> ? T : never

const idOf = (hold: number): Uint8Array => new Uint8Array(16).fill(hold)

/** The outcome of an answer, in the words of the model. */
function outcomeOf(body: Body): unknown {
  switch (body.type) {
    case 'failure':
      return body.code
    case 'present-answer':
      return body.present
    case 'made-directories':
      return body.missing.map((one) => sorted(one.map(({ digest }) => digest[0]!)))
    default:
      return 'done'
  }
}

/** None of these is below another. */
const apart = (some: readonly number[]): number[] =>
  some.filter(isDirectory).filter((one) => !some.some((other) => below(other).has(one)))

function requestsOf(one: Exclude<Call, { type: 'tree' | 'restart' }>): Request[] {
  switch (one.type) {
    case 'put':
      return [{ type: 'put', values: [bytesOf(one.token)], name: one.name }]
    case 'open':
    case 'release':
      return [{ type: 'hold', id: idOf(one.hold), release: one.type === 'release' }]
    case 'present': {
      const items = one.tokens.map(itemOf)
      return [{ type: 'present', hold: idOf(one.hold), items }]
    }
    case 'put-held': {
      const values = one.tokens.map(bytesOf)
      return [{ type: 'put', values, name: undefined, hold: idOf(one.hold) }]
    }
    case 'make': {
      const digests = apart(one.tokens).map(digestOf)
      if (digests.length === 0) return []
      return [{ type: 'make-directories', hold: idOf(one.hold), digests }]
    }
    case 'commit': {
      const { root, name } = one
      return [{ type: 'commit-tree', hold: idOf(one.hold), digest: digestOf(root), name }]
    }
    case 'bind': {
      const directory = one.asDirectory && isDirectory(one.token)
      return [{ type: 'bind', name: one.name, digest: digestOf(one.token), directory }]
    }
    case 'unbind':
      return [{ type: 'unbind', name: one.name, keepValue: one.keep, timeoutMs: 1000 }]
    case 'remove': {
      const { token, force } = one
      return [{ type: 'remove', digest: digestOf(token), force, timeoutMs: 1000 }]
    }
  }
}

const optionsOf = ({ hold, root, name }: Call & { type: 'tree' }): PutTreeOptions => ({
  hold: idOf(hold),
  root,
  name,
  skips: () => false,
  onFailure: () => 'release',
})

/** The same request to the model. */
function expected(model: TreeModel, request: Request): unknown {
  const tokensOf = (digests: readonly Uint8Array[]): number[] => digests.map(([one]) => one!)
  switch (request.type) {
    case 'put': {
      const { values, hold, name } = request
      const put = values.map(tokenOf)
      return hold === undefined ? model.put(put[0]!, name) : model.putHeld(hold[0]!, put)
    }
    case 'hold':
      return request.release ? model.release(request.id[0]!) : model.open(request.id[0]!)
    case 'present':
      return model.present(request.hold[0]!, tokensOf(request.items.map(({ digest }) => digest)))
    case 'make-directories': {
      const lacking = model.make(request.hold[0]!, tokensOf(request.digests))
      return Array.isArray(lacking) ? lacking.map(sorted) : lacking
    }
    case 'commit-tree':
      return model.commit(request.hold[0]!, request.digest[0]!, request.name)
    case 'bind':
      return model.bind(request.name, {
        token: request.digest[0]!,
        isDirectory: request.directory === true,
      })
    case 'unbind':
      return model.unbind(request.name, request.keepValue)
    case 'remove':
      return model.remove(request.digest[0]!, request.force)
    default:
      throw new TypeError(`the model knows no ${request.type}`)
  }
}

test('R004-88 to R004-109: any sequence of calls leaves what a simple model of trees has', (t) => {
  const numRuns = Number(process.env.DSTORE_RUNS ?? 300)
  const property = fc.property(fc.array(call, { maxLength: 40 }), (calls) => {
    const machine = new TreeMachine()
    const model = new TreeModel()
    const ask = (request: Request): Body => {
      const wanted = expected(model, request)
      const body = machine.answer(request)
      const what = JSON.stringify(request)
      assert.deepEqual(outcomeOf(body), wanted, `the answer to ${what}: ${JSON.stringify(body)}`)
      assert.deepEqual(machine.summary(), model.summary(), `after ${what}`)
      return body
    }
    for (const one of calls) {
      if (one.type === 'restart') machine.restart()
      else if (one.type === 'tree') drive(putTree(optionsOf(one)), (body, then) => then(ask(body)))
      else requestsOf(one).forEach(ask)
    }
  })
  const { failed, counterexample, errorInstance, seed, counterexamplePath } = fc.check(property, {
    numRuns,
  })
  const shown = JSON.stringify(counterexample)
  const why = errorInstance instanceof Error ? errorInstance.message : ''
  t.false(failed, `${shown}\nseed ${seed}, path ${counterexamplePath}\n${why}`)
})
