/** Records that must not be used. */
import { OperatingError } from '../../protocol/errors.ts';

/** What `read` gives; where a record of it is damaged or of another format, nothing, and the error is reported. */
export function orReport<T>(read: () => T, onCorrupt: (error: OperatingError) => void): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof OperatingError) || (error.code !== 'STORE_CORRUPT' && error.code !== 'VERSION_MISMATCH'))
      throw error;
    onCorrupt(error);
    return undefined;
  }
}

/** What a read of a damaged record throws. */
export function corrupt(key: string, why: string, cause?: unknown): OperatingError {
  return new OperatingError('STORE_CORRUPT', `The stored record ${JSON.stringify(key)} is damaged: ${why}.`, {
    details: { key },
    cause,
  });
}
