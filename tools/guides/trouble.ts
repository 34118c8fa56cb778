/** What a row of `docs/troubleshooting.md` has. */

export interface Trouble {
  /** As it is printed behind `dstore: `. Words in capitals stand for what differs. */
  readonly message: string
  readonly why: string
  readonly remedy: string
  /** The page, the transcript or the test in which the program prints it. */
  readonly shown: string
}

export interface CodeTroubles {
  /** What the code tells a user, in a sentence or two. */
  readonly about: string
  readonly troubles: readonly Trouble[]
}

const PAGE = 'docs/troubleshooting.md'

/** The path of a transcript. */
export const transcript = (name: string): string => `test/transcripts/${name}.txt`

/** A row; without `shown`, the page shows the message itself. */
export const trouble = (
  message: string,
  why: string,
  remedy: string,
  shown: string = PAGE,
): Trouble => ({
  message,
  why,
  remedy,
  shown,
})
