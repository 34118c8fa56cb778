/**
 * What is wrong with the rows of an index that has trees: what must be so at every moment, and what
 * must be so when nothing goes on (specs/004-index.md, "Rules: directories").
 */
import type { TreeRows } from './tree-rows.ts'
import { childrenOf, isDirectory } from './universe.ts'

/** Is this there, a directory as a directory? */
export function isThere({ exists, made }: TreeRows, token: number): boolean {
  return (isDirectory(token) ? made : exists).includes(token)
}

/** `forced`: what may have been removed by force. */
export function faultsOf(rows: TreeRows, forced: ReadonlySet<number>): string[] {
  return [...faultsOfChildren(rows, forced), ...faultsOfNames(rows)]
}

function faultsOfChildren(rows: TreeRows, forced: ReadonlySet<number>): string[] {
  const lacking = rows.made.flatMap((token) => {
    const gone = childrenOf(token).filter((child) => !isThere(rows, child) && !forced.has(child))
    return gone.length === 0 ? [] : [`${token} lacks ${gone.join(', ')}`]
  })
  // Counted too often, something stays for a while; too rarely, something is lost.
  const miscounted = [...rows.trueHeld].flatMap(([token, count]) => {
    const counted = rows.heldCounts.get(token) ?? 0
    return counted >= count ? [] : [`${token} is held by ${count}, and counted ${counted} times`]
  })
  return [...lacking, ...miscounted]
}

/** Nothing is bound below a name that is bound to a directory. */
function faultsOfNames({ names }: TreeRows): string[] {
  return names
    .filter((one) => one.endsWith('/'))
    .flatMap((one) => {
      const inside = `${one.slice(0, one.indexOf(':'))}/`
      const other = names.find((name) => name.startsWith(inside))
      return other === undefined ? [] : [`${other} is bound below the directory ${one}`]
    })
}

/** What exists, and nothing keeps, by the counters. */
export function freeOf({ exists, names, unnamed, heldCounts, keptCounts }: TreeRows): number[] {
  const named = new Set(names.map((one) => parseInt(one.slice(one.indexOf(':') + 1), 10)))
  return exists.filter((token) => {
    const isCounted = heldCounts.has(token) || keptCounts.has(token)
    return !isCounted && !named.has(token) && !unnamed.includes(token)
  })
}

/** Where nothing goes on, and every hold has ended. */
export function faultsAtRest(rows: TreeRows): string[] {
  const { cascades, adding, holds, keptCounts, heldCounts, trueHeld } = rows
  const faults: string[] = []
  if (cascades > 0) faults.push(`${cascades} removals never ended`)
  if (adding > 0) faults.push(`${adding} directories are half counted`)
  if (holds > 0) faults.push(`${holds} rows of holds are left`)
  if (keptCounts.size > 0) faults.push(`kept without a hold: ${[...keptCounts.keys()].join()}`)
  for (const token of new Set([...heldCounts.keys(), ...trueHeld.keys()])) {
    const [counted, count] = [heldCounts.get(token) ?? 0, trueHeld.get(token) ?? 0]
    if (counted !== count) faults.push(`${token} is held by ${count}, and counted ${counted} times`)
  }
  const orphans = freeOf(rows).filter((token) => !trueHeld.has(token))
  if (orphans.length > 0) faults.push(`nothing keeps ${orphans.join(', ')}`)
  const missing = [...trueHeld.keys()].filter((token) => !isThere(rows, token)).length
  if (missing !== rows.missing) {
    faults.push(`${missing} are held and missing, and ${rows.missing} are counted`)
  }
  return faults
}
