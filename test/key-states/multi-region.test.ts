import { keyStatesTests } from './key-states.ts'

keyStatesTests(true)
