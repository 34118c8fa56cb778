/** Repositories of Hugging Face, and the names that their revisions have in dstore (R010-50). */

/** What the repositories of an endpoint are. The path of a model says no kind. */
export const HF_KINDS = ['models', 'datasets', 'spaces'] as const

export type HfKind = (typeof HF_KINDS)[number]

export interface HfRepo {
  readonly kind: HfKind
  /** `NAME` or `ORG/NAME`. */
  readonly id: string
}

/** The prefix of the names of its revisions: `hf/ORG/NAME@`, `hf/datasets/ORG/NAME@`. */
export const prefixOf = ({ kind, id }: HfRepo): string =>
  kind === 'models' ? `hf/${id}@` : `hf/${kind}/${id}@`

/** The name that is bound to the directory of this revision. */
export const nameOfRevision = (repo: HfRepo, revision: string): string =>
  `${prefixOf(repo)}${revision}`
