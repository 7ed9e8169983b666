// The default case.

/** A letter, and the shop's records. */
export interface Case {
  readonly letter: string;
  /** Texts by name; the worker has to look them up one by one. */
  readonly records: Readonly<Record<string, string>>;
}

export const sampleCase: Case = {
  letter: `Dear lamp shop,
my order A-17 has not come. When was it sent? Will I get my money back if it is lost?
And is the warehouse open on Saturdays?
Yours, Ida Lindqvist`,
  records: {
    "order A-17": "Order A-17, two lamps for 84 crowns, was sent on 3 May and is lost.",
    "order A-18": "Order A-18, one bulb for 6 crowns, was sent on 9 May.",
    refunds: "For a parcel that is lost customers get their money back, in full and within 5 days.",
    "opening hours": "The warehouse is open from Monday to Friday from 9 to 17, and closed on Saturdays.",
  },
};
