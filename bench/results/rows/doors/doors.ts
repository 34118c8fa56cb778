/** The tools of others through doors, beside what else they can use on this machine. */
import type { Row } from '../../model.ts'
import { CCACHE_ROWS } from './ccache.ts'
import { GO_ROWS } from './go.ts'
import { HELD_ROWS } from './held.ts'
import { HUGGING_FACE_ROWS } from './hugging-face.ts'

export const DOOR_ROWS: readonly Row[] = [
  ...CCACHE_ROWS,
  ...GO_ROWS,
  ...HUGGING_FACE_ROWS,
  ...HELD_ROWS,
]
