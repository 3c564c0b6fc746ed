/** GitHub's own document as actions: each operation is one or has a reason, and Prism takes what they send. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkInput } from '../../src/actions/validate.ts'
import { createPublishedVendor, type PublishedVendor } from './actions-published.ts'

let github: PublishedVendor
beforeAll(async () => {
  github = await createPublishedVendor('github.com/api.github.com', { serverUrl: 'https://api.github.com' })
}, 120_000)
afterAll(() => github?.[Symbol.asyncDispose]())

test('every operation is an action, but the one at another host', () => {
  expect(github.report).toMatchObject({
    title: 'GitHub v3 REST API',
    taken: github.operations - 1,
    skippedTotal: 1,
    skipped: [
      { operationId: 'repos/upload-release-asset', reason: expect.stringContaining('outside the pinned hosts') },
    ],
    warnings: [],
  })
  expect(github.operations).toBe(845)
  expect(new Set(github.actions.map(({ name }) => name)).size).toBe(844)
})

test('every action has an example that its schema takes', () => {
  const wrong = github.actions.filter(
    ({ inputSchema, example }) => example === null || checkInput(inputSchema, example.input, 1000).length > 0,
  )
  expect(wrong.map(({ name }) => name)).toEqual([])
})

const repo = { owner: 'octo cat', repo: 'hello/world' }

describe('Prism takes', () => {
  test.each<[string, string, object]>([
    ['a path alone', 'repos/get', repo],
    ['a path and a query', 'issues/list-for-repo', { ...repo, state: 'all', labels: 'bug,help wanted', per_page: 5 }],
    ['a query alone', 'search/repos', { q: 'topic:graphql language:"C++"', sort: 'stars', order: 'desc' }],
    ['no input', 'meta/get', {}],
    [
      'a body',
      'issues/create',
      { ...repo, title: 'Größe & <b>', labels: ['bug', { name: 'x' }], assignees: ['octocat'], milestone: 1 },
    ],
    [
      'a nested body',
      'repos/create-or-update-file-contents',
      {
        ...repo,
        path: 'docs/a b.md',
        message: 'Add',
        content: 'aGVsbG8=',
        committer: { name: 'Ada', email: 'ada@lovelace.example', date: '2026-01-01T00:00:00Z' },
      },
    ],
    [
      'a body with null',
      'issues/update',
      { ...repo, issue_number: 7, milestone: null, state: 'closed', state_reason: null },
    ],
    ['a list as a whole body', 'gists/create', { files: { 'a.txt': { content: 'x' } }, public: false }],
    ['a text as a body', 'markdown/render-raw', { body: '# Hello' }],
    ['a deletion', 'repos/delete', repo],
    ['a list in a body', 'repos/replace-all-topics', { ...repo, names: ['octocat', 'graphql'] }],
  ])('%s', async (_what, action, input) => {
    const { complaints, httpStatus, curl } = await github.execute(action, input)
    expect([curl, complaints]).toEqual([curl, []])
    expect(httpStatus).toBeLessThan(500)
  })

  test('the examples of every twelfth action', async () => {
    const sampled = github.actions.filter((_, index) => index % 12 === 0)
    expect(sampled.length).toBeGreaterThan(60)
    for (const { name, example } of sampled) {
      const { complaints, curl } = await github.execute(name, example?.input ?? {})
      // In a path there are texts only: a number fits both of "a number or a text".
      const own = complaints.filter(
        message => !message.startsWith('Request path parameter workflow_id must match exactly one'),
      )
      expect([curl, own]).toEqual([curl, []])
    }
  }, 120_000)
})

test('Prism does complain of what a schema would have refused', async () => {
  const body = { state: 'nope' }
  const { passthrough } = await github.gateway.ask(
    `mutation($body: JSON) {
      passthrough(integration: "published", endUserId: "ann", method: POST, path: "/repos/a/b/milestones", body: $body) {
        status
        header(name: "sl-violations")
      }
    }`,
    { body },
  )
  expect(passthrough.status).toBe(422)
  expect(passthrough.header).toContain("Request body must have required property 'title'")
  expect(passthrough.header).toContain('must be equal to one of the allowed values: open, closed')
})
