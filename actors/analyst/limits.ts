/**
 * Every bound of the analyst, in one place. What is over a bound is either refused with INVALID_INPUT or left out and
 * named in the `notes` of the result; nothing is dropped in silence.
 */
export const LIMITS = {
  /** Largest file that is read. */
  fileBytesMax: 2 ** 30,
  /** What one read of the file asks for. */
  chunkBytes: 2 ** 18,
  /** How much of a file's beginning is looked at to find out how it is written. */
  headBytes: 2 ** 20,
  /** Longest record (a CSV line with its quoted line breaks, a JSON object), in UTF-16 units. An open quote ends here. */
  recordCharsMax: 2 ** 20,
  /** Columns of a file; one more is refused. */
  columnsMax: 1_000,
  /** Longer column names are cut. */
  nameCharsMax: 120,
  /** Longer values are cut where they are shown. */
  valueCharsMax: 80,
  /** How deep nested objects of a record are unfolded into columns `a.b.c`; below, they are JSON text. */
  nestingMax: 3,
  /** Records that cannot be read, before the file is refused. */
  badRecordsMax: 10_000,
  /** Bad records, ragged rows and the like that are named by row. */
  faultsNamedMax: 5,
  /** Rows that a scan looks at. */
  scanRowsMax: 20_000,
  /** Column groups that a scan suggests. */
  groupsMax: 16,
  /** Columns of one profile call. */
  profileColumnsMax: 64,
  /** Distinct values counted exactly: in one column, and in all columns of a call together. */
  distinctColumnMax: 2 ** 16,
  distinctTotalMax: 1_000_000,
  /** Days told apart in a date column, for its gaps. */
  distinctDaysMax: 100_000,
  /** Smallest and largest values kept with their row. */
  extremesKept: 50,
  /** Most frequent values shown. */
  topValuesMax: 10,
  histogramBinsMax: 40,
  /** Rows of the sample that relations are computed from; a file with no more is used whole. */
  sampleRowsMax: 50_000,
  numericColumnsMax: 40,
  categoryColumnsMax: 24,
  /** Levels of a category that are told apart while reading; later ones count as other. */
  levelsMax: 1_000,
  /** Levels compared as groups (the largest ones) or crossed in a table (the rest as one). */
  groupLevelsMax: 24,
  /** Periods of a time series while reading, and in the end. */
  bucketsMax: 4_096,
  periodsMax: 400,
  /** Rows checked for being the same as an earlier one. */
  duplicateRowsMax: 200_000,
  /** Relations of one kind in a result; the file that goes with it has all. */
  relationsShownMax: 15,
  /** Groups of one comparison in a result, likewise. */
  groupLevelsShownMax: 6,
  /** Points of one scatter plot. */
  scatterPointsMax: 600,
  /** Largest intermediate file that a report reads. */
  workFileBytesMax: 2 ** 25,
  /** Progress messages of one call. */
  progressMax: 100,
} as const;
