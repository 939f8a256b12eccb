import ClientModel
import Kernel
import Testing
import Workload

@Suite struct PopulationTests {
    @Test(arguments: [1, 2, 9, 1_000, 1_025] as [UInt32], [1, 2] as [UInt64])
    func `membership reads the same from both sides`(users: UInt32, seed: UInt64) throws {
        var workload = try Workload(yaml: sound, file: "w.yaml")
        workload.users = users
        let population = Population(workload, seed: seed)
        var places = 0
        for number in 0..<population.conversationCount {
            let conversation = ConversationNumber(number)
            let members = population.members(of: conversation)
            #expect(members.count == population.memberCount(of: conversation))
            #expect(Set(members).count == members.count)
            for member in members {
                #expect(population.conversations(of: member).contains(conversation))
            }
            places += members.count
        }
        #expect(places == Int(users) * Int(workload.conversationsPerUser))
    }

    @Test func `only the last conversation of an order is short of members`() throws {
        let workload = try Workload(yaml: sound, file: "w.yaml")
        let population = Population(workload, seed: 4)
        let short = (0..<population.conversationCount).filter {
            ![2, 10, 34].contains(population.memberCount(of: ConversationNumber($0)))
        }
        #expect(short.count == 1)
    }

    @Test func `another seed makes other neighbours`() throws {
        let workload = try Workload(yaml: sound, file: "w.yaml")
        let one = Population(workload, seed: 1)
        let other = Population(workload, seed: 2)
        let same = (0..<1_000 as Range<UInt32>).count {
            one.conversation(0, of: ClientNumber($0)) == other.conversation(0, of: ClientNumber($0))
        }
        #expect(same < 20)
    }

    @Test func `connects are spread over the ramp and cohorts follow their shares`() throws {
        let workload = try Workload(yaml: sound, file: "w.yaml")
        let population = Population(workload, seed: 1)
        var hasty = 0
        var early = 0
        for user in UInt32(0)..<1_000 {
            let start = population.start(of: ClientNumber(user))
            #expect(start < .zero + workload.rampUp)
            if start < .zero + .seconds(10) { early += 1 }
            if population.cohort(of: ClientNumber(user)).commandTimeoutMilliseconds == 2_000 {
                hasty += 1
            }
        }
        // Five standard deviations of a binomial: 79 of 500, 68 of 250.
        #expect((421...579).contains(early))
        #expect((182...318).contains(hasty))
    }
}
