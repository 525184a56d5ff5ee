import type { Command } from '../command.ts'
import { check } from './check.ts'
import { demo } from './demo.ts'
import { recon } from './recon.ts'
import { reconCancel } from './recon-cancel.ts'
import { reconMappings } from './recon-mappings.ts'
import { reconStatus } from './recon-status.ts'
import { secretEncrypt } from './secret-encrypt.ts'
import { secretGenerateKey } from './secret-generate-key.ts'
import { secretRewrap } from './secret-rewrap.ts'
import { secretRotate } from './secret-rotate.ts'
import { start } from './start.ts'
import { trustAdd } from './trust-add.ts'
import { trustList } from './trust-list.ts'
import { trustRemove } from './trust-remove.ts'

/** All commands, in the order the help shows them. */
export const commands: readonly Command[] = [
  start,
  demo,
  check,
  // The longer names first: whatever else stands behind `recon` is the name of a mapping.
  reconMappings,
  reconStatus,
  reconCancel,
  recon,
  trustList,
  trustAdd,
  trustRemove,
  secretEncrypt,
  secretGenerateKey,
  secretRotate,
  secretRewrap,
]
