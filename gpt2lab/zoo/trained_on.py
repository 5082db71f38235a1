"""Twenty-four paragraphs of Jane Austen that the course's English model was trained on.

The counterpart of ``held_out``: what a model says of a text that it has read. Four from each novel, of 84 to
128 tokens, at even distances over the first 95 %; no other choice was made.

They are not easier by themselves, nor by their neighbours: a trigram model over the toy's tokens (Witten-Bell
smoothing), counted on the training text without these paragraphs, has 4.02 nats per token on them and 3.93
on ``held_out``, and orders the two kinds no better than chance (AUC 0.46). Counted with them, it has 2.50
and 3.92.

Source: Jane Austen's novels, in the file that ``load_toy("english").provenance["text"]`` names; public domain.
"""

from __future__ import annotations

AUSTEN = (
    # Sense and Sensibility
    "Elinor's compassion for him increased, as she had reason to suspect that the misery of disappointed "
    "love had already been known to him. This suspicion was given by some words which accidentally "
    "dropped from him one evening at the park, when they were sitting down together by mutual consent, "
    "while the others were dancing. His eyes were fixed on Marianne, and, after a silence of some "
    'minutes, he said, with a faint smile, "Your sister, I understand, does not approve of second '
    'attachments."',
    '"I am glad," said Lady Middleton to Lucy, "you are not going to finish poor little Annamaria\'s '
    "basket this evening; for I am sure it must hurt your eyes to work filigree by candlelight. And we "
    "will make the dear little love some amends for her disappointment to-morrow, and then I hope she "
    'will not much mind it."',
    '"Her daughters are both exceedingly well married, and therefore I cannot perceive the necessity of '
    "her remembering them farther. Whereas, in my opinion, by her taking so much notice of you, and "
    "treating you in this kind of way, she has given you a sort of claim on her future consideration, "
    "which a conscientious woman would not disregard. Nothing can be kinder than her behaviour; and she "
    'can hardly do all this, without being aware of the expectation it raises."',
    "A very restless and feverish night, however, disappointed the expectation of both; and when "
    "Marianne, after persisting in rising, confessed herself unable to sit up, and returned voluntarily "
    "to her bed, Elinor was very ready to adopt Mrs. Jennings's advice, of sending for the Palmers' "
    "apothecary.",
    # Pride and Prejudice
    '"I am exceedingly gratified," said Bingley, "by your converting what my friend says into a '
    "compliment on the sweetness of my temper. But I am afraid you are giving it a turn which that "
    "gentleman did by no means intend; for he would certainly think better of me, if under such a "
    'circumstance I were to give a flat denial, and ride off as fast as I could."',
    "Between Elizabeth and Charlotte there was a restraint which kept them mutually silent on the "
    "subject; and Elizabeth felt persuaded that no real confidence could ever subsist between them again. "
    "Her disappointment in Charlotte made her turn with fonder regard to her sister, of whose rectitude "
    "and delicacy she was sure her opinion could never be shaken, and for whose happiness she grew daily "
    "more anxious, as Bingley had now been gone a week and nothing more was heard of his return.",
    "On the very last day of the regiment's remaining at Meryton, he dined, with other of the officers, "
    "at Longbourn; and so little was Elizabeth disposed to part from him in good humour, that on his "
    "making some inquiry as to the manner in which her time had passed at Hunsford, she mentioned Colonel "
    "Fitzwilliam's and Mr. Darcy's having both spent three weeks at Rosings, and asked him, if he was "
    "acquainted with the former.",
    '"Mr. Darcy asked him why he had not married your sister at once. Though Mr. Bennet was not imagined '
    "to be very rich, he would have been able to do something for him, and his situation must have been "
    "benefited by marriage. But he found, in reply to this question, that Wickham still cherished the "
    "hope of more effectually making his fortune by marriage in some other country. Under such "
    "circumstances, however, he was not likely to be proof against the temptation of immediate relief.",
    # Mansfield Park
    "Fanny would rather have had Edmund tell the story, but his determined silence obliged her to relate "
    "her brother's situation: her voice was animated in speaking of his profession, and the foreign "
    "stations he had been on; but she could not mention the number of years that he had been absent "
    "without tears in her eyes. Miss Crawford civilly wished him an early promotion.",
    '"Phoo! Phoo! Do not be so shamefaced. You\'ll do it very well. Every allowance will be made for you. '
    "We do not expect perfection. You must get a brown gown, and a white apron, and a mob cap, and we "
    "must make you a few wrinkles, and a little of the crowsfoot at the corner of your eyes, and you will "
    'be a very proper, little old woman."',
    "Her vexation did not end with the week. All this was bad, but she had still more to feel when Friday "
    "came round again and brought no Edmund; when Saturday came and still no Edmund; and when, through "
    "the slight communication with the other family which Sunday produced, she learned that he had "
    "actually written home to defer his return, having promised to remain some days longer with his "
    "friend.",
    'They both declared they should prefer it to anything. "Then, Betsey, my dear, run into the kitchen '
    "and see if Rebecca has put the water on; and tell her to bring in the tea-things as soon as she can. "
    'I wish we could get the bell mended; but Betsey is a very handy little messenger."',
    # Emma
    '"I have reason to think," he replied, "that Harriet Smith will soon have an offer of marriage, and '
    "from a most unexceptionable quarter:--Robert Martin is the man. Her visit to Abbey-Mill, this "
    'summer, seems to have done his business. He is desperately in love and means to marry her."',
    "They were just approaching the house where lived Mrs. and Miss Bates. She determined to call upon "
    "them and seek safety in numbers. There was always sufficient reason for such an attention; Mrs. and "
    "Miss Bates loved to be called on, and she knew she was considered by the very few who presumed ever "
    "to see imperfection in her, as rather negligent in that respect, and as not contributing what she "
    "ought to the stock of their scanty comforts.",
    '"I do not find myself making any use of the word _sacrifice_," said she.--"In not one of all my '
    "clever replies, my delicate negatives, is there any allusion to making a sacrifice. I do suspect "
    "that he is not really necessary to my happiness. So much the better. I certainly will not persuade "
    'myself to feel more than I do. I am quite enough in love. I should be sorry to be more."',
    "Now Emma was obliged to think of the pianoforte; and the remembrance of all her former fanciful and "
    "unfair conjectures was so little pleasing, that she soon allowed herself to believe her visit had "
    "been long enough; and, with a repetition of every thing that she could venture to say of the good "
    "wishes which she really felt, took leave.",
    # Northanger Abbey
    '"I will read you their names directly; here they are, in my pocketbook. Castle of Wolfenbach, '
    "Clermont, Mysterious Warnings, Necromancer of the Black Forest, Midnight Bell, Orphan of the Rhine, "
    'and Horrid Mysteries. Those will last us some time."',
    "Her assurance, however, standing sole as it did, was not thrown away; it brought a more cordial, "
    "more natural smile into his countenance, and he replied in a tone which retained only a little "
    'affected reserve: "We were much obliged to you at any rate for wishing us a pleasant walk after our '
    'passing you in Argyle Street: you were so kind as to look back on purpose."',
    "Isabella's opinion of the Tilneys did not influence her friend; she was sure there had been no "
    "insolence in the manners either of brother or sister; and she did not credit there being any pride "
    "in their hearts. The evening rewarded her confidence; she was met by one with the same kindness, and "
    "by the other with the same attention, as heretofore: Miss Tilney took pains to be near her, and "
    "Henry asked her to dance.",
    "Catherine's mind was too full, as she entered the house, for her either to observe or to say a great "
    "deal; and, till called on by the general for her opinion of it, she had very little idea of the room "
    "in which she was sitting. Upon looking round it then, she perceived in a moment that it was the most "
    "comfortable room in the world; but she was too guarded to say so, and the coldness of her praise "
    "disappointed him.",
    # Persuasion
    "She could now answer as she ought; and was happy to feel, when Mrs Croft's next words explained it "
    "to be Mr Wentworth of whom she spoke, that she had said nothing which might not do for either "
    "brother. She immediately felt how reasonable it was, that Mrs Croft should be thinking and speaking "
    "of Edward, and not of Frederick; and with shame at her own forgetfulness applied herself to the "
    "knowledge of their former neighbour's present state with proper interest.",
    "Anne thought she left great happiness behind her when they quitted the house; and Louisa, by whom "
    "she found herself walking, burst forth into raptures of admiration and delight on the character of "
    "the navy; their friendliness, their brotherliness, their openness, their uprightness; protesting "
    "that she was convinced of sailors having more worth and warmth than any other set of men in England; "
    "that they only knew how to live, and they only deserved to be respected and loved.",
    "Mrs Clay, who had been present while all this passed, now thought it advisable to leave the room, "
    "and Anne could have said much, and did long to say a little in defence of her friend's not very "
    "dissimilar claims to theirs, but her sense of personal respect to her father prevented her. She made "
    "no reply. She left it to himself to recollect, that Mrs Smith was not the only widow in Bath between "
    "thirty and forty, with little to live on, and no surname of dignity.",
    '"Such excellent parents as Mr and Mrs Musgrove," exclaimed Anne, "should be happy in their '
    "children's marriages. They do everything to confer happiness, I am sure. What a blessing to young "
    "people to be in such hands! Your father and mother seem so totally free from all those ambitious "
    "feelings which have led to so much misconduct and misery, both in young and old. I hope you think "
    'Louisa perfectly recovered now?"',
)  # fmt: skip
"""One paragraph each; keep them in this order: stored results depend on it."""
