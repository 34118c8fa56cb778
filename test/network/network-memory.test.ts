import { slowReader } from './network-memory.ts'

slowReader(48)
