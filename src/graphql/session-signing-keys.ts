/** The key that signs session tokens, and its rotation before its time. */
import { builder } from './builder.ts'
import { authorizeOperator } from './operator.ts'

const RotateSessionSigningKeyInput = builder.inputType('RotateSessionSigningKeyInput', {
  description: 'What becomes of the tokens that are signed already.',
  fields: t => ({
    revokeOld: t.boolean({
      defaultValue: false,
      description:
        'True: every token of every workspace ends now, on every replica within a second, as is needed when the key may be known to others. False: they stay good until they end.',
    }),
  }),
})

const RotateSessionSigningKeyPayload = builder
  .objectRef<{ signingKeyId: string }>('RotateSessionSigningKeyPayload')
  .implement({
    description: 'What rotateSessionSigningKey made.',
    fields: t => ({
      signingKeyId: t.exposeID('signingKeyId', {
        description:
          'The `kid` of the key that signs from now on; `/.well-known/jwks.json` has it, and those that are still good.',
      }),
    }),
  })

builder.mutationField('rotateSessionSigningKey', t =>
  t.field({
    type: RotateSessionSigningKeyPayload,
    description:
      'Signs session tokens with a new key from now on; by itself the gateway does so every 30 days. For an admin key of the default workspace, the operator’s, only. Scope: admin.',
    args: {
      input: t.arg({ type: RotateSessionSigningKeyInput, required: true, description: 'What of the old tokens.' }),
    },
    resolve: async (_root, { input }, context) => {
      authorizeOperator(context, 'One key signs the session tokens of all workspaces')
      const revokeOld = input.revokeOld === true
      const signingKeyId = await context.services.sessions.rotateSigningKey({ revokeOld })
      await context.audit('sessionSigningKey.rotated', null, { signingKeyId, revokeOld })
      return { signingKeyId }
    },
  }),
)
