/** Every item of a paged list. `cursorOf` gives the item after which the next page begins. */
export async function* pagesOf<Item, Cursor>(
  ask: (after: Cursor | undefined) => Promise<{ items: readonly Item[]; more: boolean }>,
  cursorOf: (item: Item) => Cursor,
): AsyncGenerator<Item, void, undefined> {
  let after: Cursor | undefined
  for (;;) {
    const { items, more } = await ask(after)
    yield* items
    const last = items.at(-1)
    if (!more || last === undefined) return
    after = cursorOf(last)
  }
}
