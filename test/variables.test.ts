import { describe, expect, test } from 'vitest'
import { readConfig } from '../src/config.ts'

describe('a variable with our prefix that is none of ours', () => {
  test.each([
    ['PASSGATE_ENCRYPTION_KEY', 'PASSGATE_ENCRYPTION_KEYS'],
    ['PASSGATE_DATADIR', 'PASSGATE_DATA_DIR'],
    ['PASSGATE_CORS_ORIGIN', 'PASSGATE_CORS_ORIGINS'],
    ['PASSGATE_LOG_LEVEL', 'LOG_LEVEL'],
    ['PASSGATE_DATABASE_URL', 'DATABASE_URL'],
    ['PASSGATE_PORT', 'PORT'],
    ['PASSGATE_HOST', 'HOST'],
  ])('%s is a typo of %s, and its value stays unsaid', (name, nearest) => {
    expect(readConfig({ [name]: 'canary' }).warnings).toEqual([
      `${name} is set, but there is no such variable; the nearest name is ${nearest}.`,
    ])
  })

  test('is no concern when it is empty, and changes nothing', () => {
    expect(readConfig({ PASSGATE_DATADIR: '' }).warnings).toEqual([])
    expect(readConfig({ PASSGATE_DATADIR: 'x' }).config).toEqual(readConfig({}).config)
  })
})
