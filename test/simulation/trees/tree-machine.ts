/** Global's index over a store in memory, with values that are directories; all is done at once. */
import type { GlobalEffect } from '../../../src/index/global/global-events.ts'
import { Machine } from '../../index/global/machine.ts'
import { digestOf } from '../tokens.ts'
import type { Summary } from './tree-model.ts'
import { treeRows } from './tree-rows.ts'
import { childrenIn, tokenOf } from './universe.ts'

export class TreeMachine extends Machine {
  #lastPlace = 0

  constructor() {
    super()
    this.#recover()
  }

  /** Another run, on what is stored. */
  restart(): void {
    this.start()
    this.#recover()
  }

  /** What an earlier run left is found, and worked off. */
  #recover(): void {
    for (let i = 0; i < 3; i++) this.tick(1)
  }

  summary(): Summary {
    const { exists, made, unnamed, names, held, inHolds, missing } = treeRows(this.store)
    return { exists, made, unnamed, names, held, inHolds, missing }
  }

  override carryOut(effect: GlobalEffect): void {
    const { now } = this
    if (effect.type === 'stage') {
      const values = effect.values.map((value) => ({
        digest: digestOf(tokenOf(value)),
        size: value.byteLength,
        location: `place ${++this.#lastPlace}`,
      }))
      this.handle({ type: 'sealed', ticket: effect.ticket, values, now })
    } else if (effect.type === 'children') {
      const { directory, from, limit, ticket } = effect
      const children = childrenIn(directory.digest[0]!, from, limit)
      this.handle({ type: 'children', ticket, children, now })
    } else {
      super.carryOut(effect)
    }
  }
}
