/** An operation whose parameters or body are described elsewhere is skipped: without them it would be another request. */
import { describe, expect, test } from 'vitest'
import { acme, importInto, only } from './document.ts'

const components = {
  parameters: {
    Page: { name: 'page', in: 'query', schema: { type: 'integer' } },
    Round: { $ref: '#/components/parameters/Trip' },
    Trip: { $ref: '#/components/parameters/Round' },
    Text: 'no parameter',
  },
  requestBodies: {
    Thing: { required: true, content: { 'application/json': { schema: { required: ['a'], properties: { a: {} } } } } },
  },
  mediaTypes: { Thing: { schema: { type: 'object', properties: { m: {} } } } },
  pathItems: { Item: { get: { operationId: 'read' }, parameters: [{ $ref: '#/components/parameters/Page' }] } },
}
const document = (paths: object) => ({ openapi: '3.1.0', info: {}, components, paths })
const imported = (post: object) => importInto(acme(), document({ '/pay': { post } }))

describe('an operation is skipped', () => {
  const outside = 'leads outside the document and is not followed'
  test.each<[string, object, string]>([
    [
      'a parameter of another document',
      { parameters: [{ $ref: 'common.yaml#/parameters/AccountId' }] },
      `its parameter "common.yaml#/parameters/AccountId" ${outside}`,
    ],
    [
      'a parameter that is not there',
      { parameters: [{ $ref: '#/components/parameters/Missing' }] },
      'its parameter "#/components/parameters/Missing" leads nowhere',
    ],
    [
      'a parameter that goes round',
      { parameters: [{ $ref: '#/components/parameters/Round' }] },
      'its parameter "#/components/parameters/Round" leads nowhere',
    ],
    [
      'a parameter that is none',
      { parameters: [{ $ref: '#/components/parameters/Text' }] },
      'its parameter "#/components/parameters/Text" leads nowhere',
    ],
    [
      'a body of another document',
      { requestBody: { $ref: 'bodies.yaml#/Payment' } },
      `its body "bodies.yaml#/Payment" ${outside}`,
    ],
    [
      'a body that is not there',
      { requestBody: { $ref: '#/components/requestBodies/None' } },
      'its body "#/components/requestBodies/None" leads nowhere',
    ],
    [
      'a media type that is not there',
      { requestBody: { content: { 'application/json': { $ref: 'types.yaml#/Json' } } } },
      `its body "types.yaml#/Json" ${outside}`,
    ],
  ])('with %s', (_what, post, reason) => {
    const { actions, skipped, skippedTotal } = imported({ operationId: 'pay', ...post })
    expect(actions).toEqual([])
    expect(skipped).toEqual([{ method: 'POST', path: '/pay', operationId: 'pay', reason }])
    expect(skippedTotal).toBe(1)
  })

  test('with a parameter of its path that is not there', () => {
    const item = { parameters: [{ $ref: '#/components/parameters/Missing' }], get: {}, post: {} }
    expect(importInto(acme(), document({ '/a': item, '/b': { get: {} } }))).toMatchObject({
      actions: [{ path: '/b' }],
      skippedTotal: 2,
    })
  })

  test('with a body of 2.0 that is not there', () => {
    const parameters = [{ $ref: '#/parameters/Body' }]
    const paths = { '/a': { post: { parameters } } }
    expect(importInto(acme(), { swagger: '2.0', info: {}, paths }).skipped[0]?.reason).toBe(
      'its parameter "#/parameters/Body" leads nowhere',
    )
  })
})

describe('what is in the document', () => {
  test('is followed', () => {
    const action = only(
      imported({
        parameters: [{ $ref: '#/components/parameters/Page' }],
        requestBody: { $ref: '#/components/requestBodies/Thing' },
      }),
    )
    expect(action.build({ page: 2, a: 1 })).toMatchObject({ path: '/pay?page=2', body: { a: 1 } })
    const media = { content: { 'application/json': { $ref: '#/components/mediaTypes/Thing' } } }
    expect(only(imported({ requestBody: media })).build({ m: 1 }).body).toEqual({ m: 1 })
  })

  test('of a path goes together with what stands beside the reference', () => {
    const item = { $ref: '#/components/pathItems/Item', delete: { operationId: 'remove' } }
    const { actions } = importInto(acme(), document({ '/a': item }))
    expect(actions.map(({ name, definition }) => [name, JSON.parse(definition).parameters.length])).toEqual([
      ['read', 1],
      ['remove', 1],
    ])
  })
})
