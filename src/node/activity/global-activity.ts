/** What a Global or a standalone node does now. */
import { Activity } from './activity.ts'

export class GlobalActivity extends Activity {}
