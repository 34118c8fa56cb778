/**
 * The executable model of how document 003 cuts a slice into pieces, and of their flaws. It shares
 * the arithmetic of the tree with the model of document 002, and nothing with the product.
 */
import { effective, header, leftLength, parentCv, subtreeCv } from './verified-values.ts'
import type { Flaw, Range } from './verified-values.ts'

/** The tree over a value, down to its groups. */
interface Node {
  readonly start: number
  readonly end: number
  readonly cv: Uint8Array
  readonly children: readonly [Node, Node] | undefined
}

export function treeOf(value: Uint8Array, group: number): Node {
  const build = (start: number, end: number): Node => {
    const root = end - start === value.length
    if (end - start <= group) {
      return {
        start,
        end,
        cv: subtreeCv(value.subarray(start, end), start, root),
        children: undefined,
      }
    }
    const middle = start + leftLength(end - start, group)
    const children = [build(start, middle), build(middle, end)] as const
    return { start, end, cv: parentCv(pairOf(children), root), children }
  }
  return build(0, value.length)
}

const pairOf = ([left, right]: readonly [Node, Node]): Uint8Array =>
  Uint8Array.from([...left.cv, ...right.cv])

export interface Piece {
  /** The header of the slice, in its first piece; then the pairs. */
  readonly proof: Uint8Array
  readonly data: Range
}

/** The wanted groups and the parents above them, in the order of the slice (R002-5). */
function* sliceNodes(node: Node, { start, end }: Range, size: number): Generator<Node> {
  const outside = end <= node.start || start >= node.end
  if (outside && node.end - node.start < size) return
  yield node
  for (const child of node.children ?? []) yield* sliceNodes(child, { start, end }, size)
}

/** The pieces of the slice that proves a range. */
export function pieces(value: Uint8Array, tree: Node, range: Range, span: number): Piece[] {
  const made: { proof: number[]; data: { start: number; end: number } }[] = []
  let parents = [...header(value.length)]
  for (const { start, end, children } of sliceNodes(
    tree,
    effective(range, value.length),
    value.length,
  )) {
    if (children !== undefined) {
      parents.push(...pairOf(children))
      continue
    }
    const last = made.at(-1)
    if (last === undefined || Math.floor(last.data.start / span) !== Math.floor(start / span)) {
      made.push({ proof: parents, data: { start, end } })
    } else {
      last.proof.push(...parents)
      last.data.end = end
    }
    parents = []
  }
  return made.map(({ proof, data }) => ({ proof: Uint8Array.from(proof), data }))
}

/** Pieces as they arrive from a peer. */
export type Arrived = readonly { readonly proof: Uint8Array; readonly data: Uint8Array }[]

/** The first flaw of pieces with the right lengths, and its position; else undefined (R003-43). */
export function flawOf(
  arrived: Arrived,
  root: Uint8Array,
  range: Range,
  size: number,
  { group, span }: { readonly group: number; readonly span: number },
): readonly [flaw: Flaw, position: number] | undefined {
  const first = arrived[0]!
  if (header(size).some((byte, i) => byte !== first.proof[i])) return ['size', 0]
  const wanted = effective(range, size)
  /** Subtrees that follow, the next one last. */
  const coming = [{ start: 0, end: size, cv: root }]
  for (const [index, { proof, data }] of arrived.entries()) {
    const pairs = proof.subarray(index === 0 ? 8 : 0)
    const groups: typeof coming = []
    let at = 0
    let position: number | undefined
    // All pairs of the piece, and the groups that they lead to.
    for (;;) {
      const next = coming.at(-1)
      if (next === undefined) break
      const isRoot = next.end - next.start === size
      if (!isRoot && (wanted.end <= next.start || wanted.start >= next.end)) {
        coming.pop()
        continue
      }
      const isGroup = next.end - next.start <= group
      const place = Math.floor(Math.max(next.start, wanted.start) / span)
      if (position !== undefined && place !== Math.floor(position / span)) break
      position ??= Math.floor(Math.max(next.start, wanted.start) / group) * group
      coming.pop()
      if (isGroup) {
        groups.push(next)
        continue
      }
      const pair = pairs.subarray(at, (at += 64))
      if (!same(parentCv(pair, isRoot), next.cv)) return ['parent', position]
      const middle = next.start + leftLength(next.end - next.start, group)
      coming.push({ start: middle, end: next.end, cv: pair.subarray(32) })
      coming.push({ start: next.start, end: middle, cv: pair.subarray(0, 32) })
    }
    const base = groups[0]!.start
    for (const { start, end, cv } of groups) {
      const bytes = data.subarray(start - base, end - base)
      if (!same(subtreeCv(bytes, start, end - start === size), cv)) return ['group', start]
    }
  }
  return undefined
}

const same = (a: Uint8Array, b: Uint8Array): boolean => a.every((byte, i) => byte === b[i])
