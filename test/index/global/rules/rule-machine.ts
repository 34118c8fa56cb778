/** Global's index with rules, for tests. */
import type { Body, RuleFacts, RuleTerms } from '../../../../src/index/message.ts'
import { Machine } from '../machine.ts'

export class RuleMachine extends Machine {
  set(prefix: string, terms: RuleTerms): unknown {
    return this.answer({ type: 'set-rule', prefix, terms })
  }

  /** Time for what goes on in the background. */
  settle(): void {
    for (let i = 0; i < 40; i++) this.tick(250)
  }

  rules(): readonly RuleFacts[] {
    const body = this.answer({ type: 'rules' })
    if (body.type !== 'rule-list') throw new Error(body.type)
    return body.items
  }

  /** A value of so many bytes, under a name. */
  putNamed(name: string, size: number, tag: boolean = false): () => Body | undefined {
    const value = new Uint8Array(size).fill(this.#fill++ % 251)
    if (size >= 8) new DataView(value.buffer).setUint32(0, this.#fill)
    return this.ask({
      type: 'put',
      values: [value],
      name,
      ...(tag && { naming: { tag: true } }),
    })
  }
  #fill = 1

  isBound(name: string): boolean {
    const body = this.answer({ type: 'lookup', name, inline: false })
    return body.type === 'binding' && body.found !== undefined
  }

  /** How many targets a tag has had since it was bound. */
  targets(name: string): number {
    const body = this.answer({ type: 'tag-history', name })
    return body.type === 'tag-targets' ? body.targets.length : 0
  }

  /** Without a lookup, which is a use. */
  names(): string[] {
    return this.store
      .page('names', new Uint8Array(), undefined, 10_000)
      .map(({ id }) => new TextDecoder().decode(id))
  }
}
