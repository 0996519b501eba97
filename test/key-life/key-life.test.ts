import { keyLifeSuite } from './key-life.suite.ts'

keyLifeSuite(() => Promise.resolve(undefined), 5)
