/** Who has done what, behind the fact that it is about: `; acknowledged by A B; still owed by C`. */

/** Each list that is not empty, behind what it is. */
export function listsText(lists: Readonly<Record<string, readonly string[]>>): string {
  return Object.entries(lists)
    .filter(([, items]) => items.length > 0)
    .map(([what, items]) => `; ${what} ${items.join(' ')}`)
    .join('')
}
