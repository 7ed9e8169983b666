// The e-mail that is worked on when no file is named.

/** A support e-mail with the usual ballast: a greeting, a quoted reply, a signature. */
export const sampleEmail = `Hello team,

since Tuesday the nightly export of invoices stops after about two hundred rows. The export itself ends without
an error, but the file is cut off in the middle of a row, and the accounting department cannot import it.
We tried a smaller export of a single week, and that one is complete. The invoices are needed for the audit on
Friday, so please tell us soon whether the export can be repaired or whether we should write the rows by hand.

Kind regards,
Mara

-- 
Mara Lindqvist · Accounting · +46 8 555 0100

> On Monday support wrote:
> Thank you for your message. We will look into the invoices.
`;
