/** Lists that come in pages. */

/** A page, whatever is in it. */
interface Page {
  readonly count: number
  /** More follow. */
  readonly more: boolean
}

/** Every page. `cursorOf` gives the item of a page after which the next one begins. */
async function* pagesOf<P extends Page, Cursor>(
  ask: (after: Cursor | undefined) => Promise<P>,
  cursorOf: (page: P) => Cursor,
): AsyncGenerator<P, void, undefined> {
  let after: Cursor | undefined
  for (;;) {
    const page = await ask(after)
    yield page
    if (!page.more || page.count === 0) return
    after = cursorOf(page)
  }
}

/** Every item. `cursorOf` gives that after which the next page begins. */
export async function* itemsOf<Item, Cursor>(
  ask: (after: Cursor | undefined) => Promise<{ items: readonly Item[]; more: boolean }>,
  cursorOf: (item: Item) => Cursor,
): AsyncGenerator<Item, void, undefined> {
  const page = async (after: Cursor | undefined) => {
    const { items, more } = await ask(after)
    return { items, count: items.length, more }
  }
  for await (const { items } of pagesOf(page, (one) => cursorOf(one.items.at(-1)!))) yield* items
}
